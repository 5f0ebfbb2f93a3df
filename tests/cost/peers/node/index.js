// The same job in Node.js, as a good team would write it: jose, the AWS SDK, one bundle, the Runtime API over a
// connection that is kept. Members are checked for their form; what the Rust function has beyond that (early refreshes,
// judging an existing record, rotation) is left out, in the peer's favour.

import { createHash, createHmac, createCipheriv, hkdfSync, randomBytes, timingSafeEqual } from "node:crypto";
import http from "node:http";
import { DynamoDBClient, PutItemCommand } from "@aws-sdk/client-dynamodb";
import { GetSecretValueCommand, SecretsManagerClient } from "@aws-sdk/client-secrets-manager";
import { CompactEncrypt, base64url, compactDecrypt, exportJWK, generateKeyPair } from "jose";

const { API_KEYS_SECRET_ID, SERVER_KEYS_SECRET_ID, TOKENS_TABLE, AWS_LAMBDA_RUNTIME_API } = process.env;
const dynamodb = new DynamoDBClient({});
const { partners, serverKeys } = await loadSecrets();

async function loadSecrets() {
  const client = new SecretsManagerClient({});
  const secret = async (SecretId) => JSON.parse((await client.send(new GetSecretValueCommand({ SecretId }))).SecretString);
  const [apiKeys, server] = await Promise.all([secret(API_KEYS_SECRET_ID), secret(SERVER_KEYS_SECRET_ID)]);
  const bytes = (jwks) => jwks.keys.map(({ kid, k }) => ({ kid, key: base64url.decode(k) }));
  const partners = apiKeys.partners.map((partner) => ({
    ...partner,
    apiKeys: partner.apiKeySha256.map((hex) => Buffer.from(hex, "hex")),
    sdkApiKeys: partner.sdkApiKeySha256.map((hex) => Buffer.from(hex, "hex")),
    payloadKeys: bytes(partner.payloadKeys),
  }));
  const record = bytes(server.record).map(({ kid, key }) => ({
    kid,
    seal: Buffer.from(hkdfSync("sha256", key, "", "record seal v1", 32)),
    fingerprint: Buffer.from(hkdfSync("sha256", key, "", "record fingerprint v1", 32)),
  }));
  return { partners, serverKeys: { token: bytes(server.token), record } };
}

const sha256 = (text) => createHash("sha256").update(text).digest();
const digits = (value, pattern) => value == null || pattern.test(String(value));

class Refused extends Error {
  constructor(status, code, errors) {
    super(code);
    Object.assign(this, { status, code, errors });
  }
}

function authenticate(apiKey) {
  const digest = sha256(apiKey ?? "");
  let found;
  for (const partner of partners) {
    for (const known of partner.apiKeys) if (timingSafeEqual(known, digest)) found = partner;
  }
  if (!found || found.enabled === false) throw new Refused(401, "TOK002");
  return found;
}

function validate(request) {
  const errors = [];
  const check = (field, holds) => holds || errors.push({ field, reason: "format" });
  const text = (value, max) => value == null || (typeof value === "string" && value.length >= 1 && value.length <= max);
  check("referenceId", /^[A-Za-z0-9._:-]{1,64}$/.test(request.referenceId ?? ""));
  check("accountNumber", request.accountNumber != null && digits(request.accountNumber, /^[0-9]{1,19}$/));
  check("sdkApiKey", /^[\x21-\x7e]{1,128}$/.test(request.sdkApiKey ?? ""));
  for (const field of ["name", "firstName", "lastName"]) check(field, text(request[field], 100));
  check("email", text(request.email, 254) && (request.email == null || /^[^@\s]+@[^@\s]+$/.test(request.email)));
  check("isdCode", digits(request.isdCode, /^\+?[0-9]{1,4}$/));
  check("mobileNumber", digits(request.mobileNumber, /^\+?[0-9]{4,15}$/));
  check("dob", digits(request.dob, /^[0-9]{7,8}$/));
  for (const [key, value] of Object.entries(request.data ?? {})) check("data", text(key, 64) && text(value, 1024));
  if (errors.length > 0) throw new Refused(400, "TOK400", errors);
}

// RFC 7518 section 4.6, enc A256GCM, empty apu and apv.
async function agree(sdkPublicKey) {
  const jwk = JSON.parse(Buffer.from(sdkPublicKey, "base64url").toString());
  const theirs = await crypto.subtle.importKey("jwk", jwk, { name: "ECDH", namedCurve: "P-256" }, false, []);
  const ours = await generateKeyPair("ECDH-ES", { crv: "P-256", extractable: true });
  const z = await crypto.subtle.deriveBits({ name: "ECDH", public: theirs }, ours.privateKey, 256);
  const info = Buffer.from("000000074132353647434d000000000000000000000100", "hex");
  const { kty, crv, x, y } = await exportJWK(ours.publicKey);
  const key = createHash("sha256").update(Buffer.from("00000001", "hex")).update(Buffer.from(z)).update(info).digest();
  return { key, point: Buffer.concat([Buffer.from(x, "base64url"), Buffer.from(y, "base64url")]), serverPubKey: base64url.encode(JSON.stringify({ kty, crv, x, y })) };
}

const seal = (plaintext, header, key) =>
  new CompactEncrypt(Buffer.from(plaintext)).setProtectedHeader({ alg: "dir", enc: "A256GCM", ...header }).encrypt(key);

async function issue(partner, request) {
  validate(request);
  const sdkDigest = sha256(request.sdkApiKey);
  if (!partner.sdkApiKeys.some((known) => timingSafeEqual(known, sdkDigest))) throw new Refused(401, "TOK004");

  const session = await agree(request.sdkPublicKey);
  const now = Date.now();
  const iat = Math.floor(now / 1000);
  const exp = iat + (partner.tokenTtlSeconds ?? 1800);
  const jti = base64url.encode(randomBytes(16));
  const claims = {
    iss: "token-service", aud: "bankezy-sdk", sub: String(request.accountNumber), client_id: partner.partnerId,
    program_id: partner.programId, jti, ref: request.referenceId, iat, exp,
    cnf: { jwk: { kty: "oct", k: base64url.encode(session.key) } },
  };
  const [tokenKey] = serverKeys.token;
  const token = await seal(JSON.stringify(claims), { kid: tokenKey.kid, typ: "JWT" }, tokenKey.key);

  const pk = `${partner.partnerId}#${request.referenceId}`;
  const [recordKey] = serverKeys.record;
  const { referenceId, sdkApiKey, sdkPublicKey, ...customer } = request;
  const compared = JSON.stringify([pk, sdkPublicKey, Object.entries(customer).sort()]);
  const iv = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", recordKey.seal, iv).setAAD(Buffer.from(pk));
  const sealed = Buffer.concat([
    iv, cipher.update(Buffer.concat([session.point, Buffer.from(token.split(".").slice(2).join("."), "utf8")])),
    cipher.update(JSON.stringify(customer)), cipher.final(), cipher.getAuthTag(),
  ]);
  await dynamodb.send(new PutItemCommand({
    TableName: TOKENS_TABLE,
    Item: {
      pk: { S: pk }, jti: { S: jti }, status: { S: "ACTIVE" }, issuedAt: { N: String(now) }, expireAt: { N: String(exp * 1000) },
      ttl: { N: String(exp + 86400) }, fingerprint: { B: createHmac("sha256", recordKey.fingerprint).update(compared).digest() },
      sealedBy: { S: recordKey.kid }, sealed: { B: sealed },
    },
    ConditionExpression: "attribute_not_exists(pk) OR #ttl <= :now",
    ExpressionAttributeNames: { "#ttl": "ttl" },
    ExpressionAttributeValues: { ":now": { N: String(iat) } },
    ReturnValuesOnConditionCheckFailure: "ALL_OLD",
  }));
  return { resCode: "TOK200", resDesc: "SUCCESS", referenceId: request.referenceId, serverPubKey: session.serverPubKey, token, expireAt: exp * 1000 };
}

async function answer(event) {
  const headers = { "X-Request-Id": event.requestContext.requestId, "Cache-Control": "no-store" };
  let reply;
  try {
    const apiKey = Object.entries(event.headers).find(([name]) => name.toLowerCase() === "x-api-key")?.[1];
    const partner = authenticate(apiKey);
    let kid;
    const { plaintext } = await compactDecrypt(event.body.trim(), (header) => {
      kid = header.kid;
      const key = partner.payloadKeys.find((key) => key.kid === kid) ?? partner.payloadKeys[0];
      reply = { kid, key: key.key };
      return key.key;
    }, { keyManagementAlgorithms: ["dir"], contentEncryptionAlgorithms: ["A256GCM"] });
    const success = await issue(partner, JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(plaintext)));
    const body = await seal(JSON.stringify(success), kid ? { kid } : {}, reply.key);
    return { statusCode: 200, headers: { ...headers, "Content-Type": "text/plain" }, body, isBase64Encoded: false };
  } catch (error) {
    const { status = 500, code = "TOK003", errors } = error;
    const body = JSON.stringify({ resCode: code, resDesc: "REFUSED", errors });
    return { statusCode: status, headers: { ...headers, "Content-Type": "application/json" }, body, isBase64Encoded: false };
  }
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
const [host, port = 80] = AWS_LAMBDA_RUNTIME_API.split(":");
function runtime(method, path, body) {
  return new Promise((resolve, reject) => {
    const request = http.request({ agent, host, port, method, path: `/2018-06-01/runtime/invocation/${path}` }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => resolve({ headers: response.headers, body: Buffer.concat(chunks) }));
      response.on("error", reject);
    });
    request.on("error", reject);
    request.end(body);
  });
}

for (;;) {
  const { headers, body } = await runtime("GET", "next");
  const started = performance.now();
  const answered = await answer(JSON.parse(body));
  const id = headers["lambda-runtime-aws-request-id"];
  await runtime("POST", `${id}/response`, JSON.stringify(answered));
  console.log(JSON.stringify({ request_id: id, status: answered.statusCode, duration_ms: performance.now() - started }));
}
