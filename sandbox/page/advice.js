/** What an answer means, and what a partner does about it (docs/protocol.md, Errors). */

const SUCCESSES = {
  GetToken: ['A token was issued', 'The function opened the request, agreed a session key with the SDK\'s public key, recorded the session, and answered encrypted.', 'Hand token and serverPubKey to the SDK. Before expireAt, the SDK renews the token.'],
  Renew: ['The token was renewed', 'The function opened the token and, with the session key in it, the body. It recorded the new token, and answered encrypted with the session key, which stays the same.', 'Use the new token from now on.'],
  Invalidate: ['The session was ended', 'The record is revoked: no token of the session is renewed any more, and introspection says inactive.', 'Nothing. To end it again is a success too.'],
  Introspect: ['The resource server was told whether the token is active', 'It authenticated with its id and secret.', 'Serve the SDK only for an active token, and after it has proved that it holds the session key.'],
}

const REPLAYS = {
  GetToken: ['The same token again', 'This referenceId was answered before, and the request is the same: the answer has the session\'s serverPubKey, its current token and expireAt. The header Idempotent-Replayed says so.', 'Nothing: use it as the first answer. The session key comes from the key pair of the first request.'],
  Renew: ['The same new token again', 'This token was renewed before: the answer has the token that replaced it. The header Idempotent-Replayed says so.', 'Nothing: use it as the first answer. So a lost answer costs nothing.'],
}

const INTROSPECTED = {
  active: ['The token is active', 'The token is one of this service, has not expired, and its session has not been ended. Its claims come with the answer.', 'Make the SDK prove that it holds the session key in cnf, then serve it.'],
  inactive: ['The token is not active', 'It is no token of this service, has expired, or its session was ended. The answer does not say which.', 'Refuse the SDK, which renews its token or asks its partner for a new one.'],
  invalid_client: ['The resource server is not known', 'Its id or secret is missing, unknown or wrong, or it is disabled.', 'Check both; ask the operator.'],
  invalid_request: ['The form is not valid', 'The token is missing, empty, too long or repeated, or the request is not a form.', 'Correct the request.'],
  temporarily_unavailable: ['Not available for now', 'DynamoDB or Secrets Manager could not be reached, throttled or timed out.', 'Ask again after Retry-After. Do not take the token for active meanwhile.'],
  server_error: ['A fault of the service', 'Something is broken on the service\'s side.', 'Do not retry in a loop. Report it with X-Request-Id.'],
}

const ADVICE = {
  TOK404: ['There is nothing at this path', 'The path is none of the service\'s; paths are compared exactly.', 'Correct the URL.'],
  TOK405: ['The method is not allowed', 'The service takes POST, and for Get Token also GET with a body.', 'Use POST.'],
  TOK413: ['The body is too large', 'It has more than 32,768 bytes. A valid request is far below that.', 'Send less: look at data.'],
  TOK415: ['The content type is not accepted', 'It is none of text/plain, application/jose and application/json.', 'Send Content-Type: text/plain.'],
  TOK401: [
    'The token is not renewed',
    'In the clear: X-API-TOKEN is missing, or no token of this service. Encrypted: its session has ended, or the token was renewed already.',
    'Get a new token. If errors says superseded, use the session\'s current token.',
  ],
  TOK002: [
    'The API key is not accepted',
    'X-API-KEY is missing or unknown, or the partner is disabled. Nothing was decrypted, so the answer is in the clear and says no more.',
    'Check the key and the URL. A key that was just issued works within SECRETS_MIN_REFRESH_SECONDS (30); else ask the operator.',
  ],
  TOK422: [
    'The body cannot be opened',
    'It is no compact JWE that the service accepts, or no payload key on file for this partner opens it. It is one answer for every cause, so that a stranger learns nothing.',
    'Check the five segments, alg dir, enc A256GCM, the kid, and that the payload key belongs to this URL.',
  ],
  TOK400: [
    'Members are missing or break a rule',
    'The body was decrypted, so the answer is encrypted. It names every member that fails, never only the first, and never a value.',
    'Correct every member that is named, then send again. Nothing was issued.',
  ],
  TOK004: ['sdkApiKey is not yours', 'Every member is valid, but this sdkApiKey is not the partner\'s.', 'Check sdkApiKey in your credentials.'],
  TOK503: [
    'Not available for now',
    'DynamoDB or Secrets Manager could not be reached, throttled or timed out, after the service\'s own retries.',
    'Retry after Retry-After with the same referenceId and the same members: you get one token, whether or not the first try was recorded.',
  ],
  TOK003: ['A fault of the service', 'Something is broken on the service\'s side: access, a missing table, a record that does not open.', 'Do not retry in a loop. Report it with X-Request-Id.'],
}

/** The one cause of TOK422 that is told. */
const JSON_BODY = [
  'The body is JSON',
  'It begins with {: the request\'s JSON in the clear, JSON with the JWE in it, or a JSON serialization of the JWE.',
  'Send the compact JWE alone, as it is: five segments between dots.',
]

/** TOK400 without members. */
const JSON_FAULT = [
  'The JSON inside is at fault',
  'The body was decrypted, so the answer is encrypted. What was inside is not one JSON object in UTF-8, has a member twice, or is nested deeper than 8.',
  'Correct the JSON as a whole: look for a byte order mark, JSON made twice, another encoding, NaN or a trailing comma. tokenctl explain --plaintext says where.',
]

const ENDS = {
  revoked: ['The session was ended', 'The partner\'s server has invalidated it: its tokens are not renewed any more.', 'Ask the partner\'s server for a new token.'],
  expired: ['The session has expired', 'Its lifetime is over, or its record is gone: its tokens are not renewed any more.', 'Ask the partner\'s server for a new token.'],
  superseded: ['The token was renewed already', 'So was the token that replaced it: the session has a newer one.', 'Use the session\'s current token. If the SDK has no other, somebody else renewed this one.'],
}

const UNKNOWN_SESSION = ['There is no such session', 'It has expired and is forgotten, or it never was this partner\'s.', 'Nothing: there is no session to end.']

const CONFLICTS = {
  reused: [
    'The referenceId was used for another request',
    'Partner and referenceId together name one session. This request differs from the first one in a member, so nothing of the first answer is told.',
    'Find out how two requests came to one referenceId, or why a retry changed, before you take a new one.',
  ],
  expired: ['The token of this referenceId has expired', 'The request is the same, but its token is no longer valid.', 'Ask again under a new referenceId.'],
  revoked: ['The token of this referenceId was revoked', 'Its session was ended.', 'Ask again under a new referenceId.'],
}

const GATEWAY = {
  429: 'All instances of the function are busy.',
  502: 'The function ended, or gave no answer that API Gateway understands.',
  504: 'The function did not answer in API Gateway\'s time.',
}

/**
 * {title, means, todo} of an answer to an operation. `code` is in the newer form, or what introspection has in its place;
 * `reason` is that of the first error; `description` is resDesc.
 */
export function explain({ operation = 'GetToken', status, code, reason, description, replayed }) {
  if (code === 'TOK200') return told(...((replayed && REPLAYS[operation]) || SUCCESSES[operation]))
  if (operation === 'Introspect' && INTROSPECTED[code]) return told(...INTROSPECTED[code])
  if (code === 'TOK401' && ENDS[reason]) return told(...ENDS[reason])
  if (code === 'TOK404' && reason === 'unknown') return told(...UNKNOWN_SESSION)
  if (code === 'TOK409' && CONFLICTS[reason]) return told(...CONFLICTS[reason])
  if (code === 'TOK422' && reason === 'JSON') return told(...JSON_BODY)
  if (code === 'TOK400' && reason === undefined && description !== undefined) return told(...JSON_FAULT)
  if (ADVICE[code]) return told(...ADVICE[code])
  if (GATEWAY[status]) {
    return told('API Gateway answered by itself', GATEWAY[status], 'Retry with the same referenceId, with growing pauses.')
  }
  return told('Not an answer of the protocol', `HTTP ${status} without a resCode that the protocol knows.`, 'Check that the URL is the token service\'s.')
}

/** resCode of either path in the newer form: 100 is TOK200, and 2 is TOK002. */
export function codeOf(resCode) {
  if (resCode === 100) return 'TOK200'
  return typeof resCode === 'number' ? `TOK${String(resCode).padStart(3, '0')}` : String(resCode ?? '')
}

const told = (title, means, todo) => ({ title, means, todo })
