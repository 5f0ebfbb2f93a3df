// Runs docs/postman/ against a service: by newman, and by the runtime of the Postman app, whose sandbox is another.
//     node postman.mjs newman|app COLLECTION ENVIRONMENT URL
// Prints what fails, and last {"requests", "passed", "failed"}.

import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const [, , by, collectionFile, environmentFile, url] = process.argv
const collection = JSON.parse(readFileSync(collectionFile))
const environment = JSON.parse(readFileSync(environmentFile))
environment.values.find(({ key }) => key === 'baseUrl').value = url

const counted = { requests: 0, passed: 0, failed: 0 }
const fail = (name, fault) => {
  counted.failed += 1
  console.log(`FAILED postman (${by}): ${name}: ${fault}`)
}
// The same callbacks for both.
const heard = {
  request: (error, { item }) => (error ? fail(item.name, error) : (counted.requests += 1)),
  assertion: ({ item }, { assertion, error, skipped }) => {
    if (error || skipped) fail(`${item.name}: ${assertion}`, error?.message ?? 'skipped')
    else counted.passed += 1
  },
  exception: (name, error) => fail(name, `${error.name}: ${error.message}`),
}

function byNewman() {
  const run = require('newman').run({ collection, environment, reporters: [], timeout: 120_000 })
  run.on('request', (error, { item }) => heard.request(error, { item }))
  run.on('assertion', (error, { item, assertion, skipped }) => heard.assertion({ item }, { assertion, error, skipped }))
  run.on('exception', (_, { cursor, error }) => heard.exception(cursor?.ref ?? 'a script', error))
  return new Promise((done) => run.on('done', done))
}

function byTheAppsRuntime() {
  const { Runner } = require('postman-runtime')
  // Its own version, not newman's.
  const { Collection, VariableScope } = createRequire(require.resolve('postman-runtime'))('postman-collection')
  const options = { environment: new VariableScope(environment), timeout: { global: 120_000 } }
  return new Promise((done) => {
    new Runner().run(new Collection(collection), options, (error, run) => {
      if (error) return done(error)
      run.start({
        request: (fault, cursor, response, request, item) => heard.request(fault, { item }),
        assertion: (cursor, assertions) =>
          assertions.forEach(({ name, error: fault, skipped }) =>
            heard.assertion({ item: { name: `request ${cursor.position + 1}` } }, { assertion: name, error: fault, skipped }),
          ),
        exception: (cursor, fault) => heard.exception(`request ${cursor.position + 1}`, fault),
        done,
      })
    })
  })
}

const error = await { newman: byNewman, app: byTheAppsRuntime }[by]()
if (error) fail('the run', error)
console.log(JSON.stringify(counted))
// The app's runtime keeps its sandbox alive.
process.exit()
