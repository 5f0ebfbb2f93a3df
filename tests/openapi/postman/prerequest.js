// Seals the body that you see. `{{newReferenceId}}` in it is a fresh id, `{{referenceId}}` the one before.
if (pm.request.body && pm.request.body.raw) {
    if (pm.request.body.raw.includes('{{newReferenceId}}')) {
        pm.collectionVariables.set('referenceId', require('uuid').v4())
        pm.variables.set('newReferenceId', pm.collectionVariables.get('referenceId'))
    }
    const plaintext = pm.variables.replaceIn(pm.request.body.raw)
    pm.variables.set('plaintext', plaintext)
    pm.request.body.update({ mode: 'raw', raw: seal(plaintext) })
}
