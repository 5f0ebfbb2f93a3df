// Opens the answer, and shows it under Visualize. `answer` and `sealed` are for the request's own tests.
const type = pm.response.headers.get('Content-Type') || ''
const sealed = type.startsWith('text/plain')
const said = sealed ? open(pm.response.text()) : pm.response.text()
const answer = JSON.parse(said)
pm.variables.set('answer', said)
pm.variables.set('sealed', sealed)
pm.visualizer.set('<p>{{how}}</p><pre>{{shown}}</pre>', {
    how: sealed ? 'Sealed, and opened' : 'In the clear: but for an introspection a hint, which anybody on the way could have written',
    shown: JSON.stringify(answer, null, 2),
})

pm.test('carries X-Request-Id, and is not stored', () => {
    pm.response.to.have.header('X-Request-Id')
    pm.expect(pm.response.headers.get('Cache-Control')).to.eql('no-store')
})
pm.test('is sealed, or JSON in the clear and no success', () => {
    pm.expect(type).to.be.oneOf(sealed ? ['text/plain'] : ['application/json'])
    if (!sealed && answer.active === undefined) pm.expect(pm.response.code).to.be.at.least(400)
})
if (answer.referenceId !== undefined) {
    pm.test('is the answer to this referenceId', () => {
        const { referenceId, tokenReferenceId } = JSON.parse(pm.variables.get('plaintext'))
        pm.expect(answer.referenceId).to.eql(referenceId || tokenReferenceId || pm.collectionVariables.get('referenceId'))
    })
}
