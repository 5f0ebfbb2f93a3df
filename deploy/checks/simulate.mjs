// Reads requests as JSON from standard input, and writes IAM's verdict on each: Allowed,
// ImplicitlyDenied or ExplicitlyDenied.
//
// A request: {principal, action, resource, account, context, identity: [policy], resourcePolicy?,
// boundary?}. `access.py` makes them.
import { readFileSync } from "node:fs";
import { runSimulation } from "@cloud-copilot/iam-simulate";

// The simulator knows no key of an encryption context, as their names are the caller's own. A tag's
// name is its caller's own too.
const known = (text) => text.replaceAll("kms:EncryptionContext:", "aws:RequestTag/encryption-context.");
const named = (policies) => policies.map((policy, number) => ({ name: `policy ${number}`, policy }));

async function verdict({ principal, action, resource, account, context, identity, resourcePolicy, boundary }) {
  const outcome = await runSimulation(
    {
      request: { principal, action, resource: { resource, accountId: account }, contextVariables: context },
      identityPolicies: named(identity),
      serviceControlPolicies: [],
      resourceControlPolicies: [],
      resourcePolicy,
      permissionBoundaryPolicies: boundary && named([boundary]),
    },
    {},
  );
  if (outcome.resultType === "error") throw new Error(`${action} on ${resource}: ${JSON.stringify(outcome.errors)}`);
  // A key that the simulator drops would let a condition fail, or a deny miss, for no reason that
  // IAM has.
  const dropped = (outcome.results ?? [outcome.result]).flatMap((result) => result.ignoredContextKeys ?? []);
  if (dropped.length) throw new Error(`${action} on ${resource}: the simulator knows no ${dropped}`);
  return outcome.overallResult;
}

const requests = JSON.parse(known(readFileSync(0, "utf8")));
const verdicts = [];
for (const request of requests) verdicts.push(await verdict(request));
process.stdout.write(JSON.stringify(verdicts));
