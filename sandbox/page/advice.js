/** What an answer means, and what a partner does about it (docs/protocol.md, Errors). */

const ADVICE = {
  TOK404: ['There is nothing at this path', 'The path is neither of the two of Get Token; paths are compared exactly.', 'Correct the URL.'],
  TOK405: ['The method is not allowed', 'Get Token takes POST, and GET with a body.', 'Use POST.'],
  TOK413: ['The body is too large', 'It has more than 32,768 bytes. A valid request is far below that.', 'Send less: look at data.'],
  TOK415: ['The content type is not accepted', 'It is none of text/plain, application/jose and application/json.', 'Send Content-Type: text/plain.'],
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

const CONFLICTS = {
  reused: [
    'The referenceId was used for another request',
    'A pair of partner and referenceId names one issue. This request differs from the first one in a member, so nothing of the first answer is told.',
    'Find out how two requests came to one referenceId, or why a retry changed, before you take a new one.',
  ],
  expired: ['The token of this referenceId has expired', 'The request is the same, but its token is no longer valid.', 'Ask again under a new referenceId.'],
  revoked: ['The token of this referenceId was revoked', 'An operator invalidated it.', 'Ask again under a new referenceId.'],
}

const GATEWAY = {
  429: 'All instances of the function are busy.',
  502: 'The function ended, or gave no answer that API Gateway understands.',
  504: 'The function did not answer in API Gateway\'s time.',
}

/** {title, means, todo} of an answer. `code` is in the newer form; `reason` is that of the first error. */
export function explain({ status, code, reason, replayed }) {
  if (code === 'TOK200') {
    return replayed
      ? told('The same token again', 'This referenceId was answered before, and the request is the same: token, serverPubKey and expireAt are those of the first answer. The header Idempotent-Replayed says so.', 'Nothing: use it as the first answer. The session key comes from the key pair of the first request.')
      : told('A token was issued', 'The function opened the request, agreed a session key with the SDK\'s public key, recorded the issue, and answered encrypted.', 'Hand token and serverPubKey to the SDK. From expireAt on, ask for a new token under a new referenceId.')
  }
  if (code === 'TOK409' && CONFLICTS[reason]) return told(...CONFLICTS[reason])
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
