#!/usr/bin/env bash
# SPDX-License-Identifier: MIT-0
#
# Asks the token service for tokens, and ends their sessions, from a shell.
#
# Copy this file. It needs Linux with bash 4.4, curl, jq and jose: apt-get install curl jq jose
#
#   get-token.sh token [OPTION ...] CREDENTIALS < MEMBERS   get a token. MEMBERS is the request as JSON: referenceId (yours:
#                                          a UUID, kept before the call, so that a repeat gets the same token), sdkPublicKey,
#                                          accountNumber (digits in a string), and what else docs/protocol.md has.
#                                          sdkApiKey is added, and a random referenceId if there is none. The service ignores
#                                          members that it does not know: of one that is probably misspelt, standard error warns
#   get-token.sh send [OPTION ...] CREDENTIALS REFERENCE_ID < BODY   the same for a body that was encrypted before
#   get-token.sh invalidate [OPTION ...] CREDENTIALS REFERENCE_ID    end the session that token began with this referenceId: at
#                                          logout, or after a timeout of your own. To invalidate again changes nothing
#   get-token.sh encrypt [--no-kid] CREDENTIALS < TEXT      the body of a request, under the first payload key
#   get-token.sh decrypt CREDENTIALS < JWE                  opens an answer's body, with any payload key
#
#   --url URL        the service's, if it is not in the credentials as url
#   --legacy         the first version's path
#   --no-kid         do not name the key: the service then tries each of yours
#   --attempts N     tries of a call: 4
#   --max-pause N    seconds, the longest pause between two tries: 30. If the service asks for more, the call ends
#
# The SDK's side, for tests without the app:
#
#   get-token.sh sdk-key                                    a fresh private key, as JWK
#   get-token.sh sdk-public-key < SDK_KEY                   the sdkPublicKey member of a request
#   get-token.sh session-key SERVER_PUB_KEY < SDK_KEY       the session key, in base64url
#   get-token.sh renew [OPTION ...] CREDENTIALS < RENEWAL   renew a token. RENEWAL is the object that token or the renewal before
#                                          printed, with the members accountNumber (the request's) and sessionKey
#
# token, send, invalidate and renew print one JSON object on standard output. With exit status 0 it is the token:
#   {"token","serverPubKey","expireAt","referenceId","replayed","requestId"}; give the first two to the app. The SDK renews the
#   token before expireAt (milliseconds since 1970). invalidate prints {"referenceId","requestId"}.
# Else it is the error, and its message, which says what to do, is on standard error too:
#   {"error","message","retryable","referenceId",...}; if retryable, the same call with the same referenceId may succeed later
#   2  input               a fault in the credentials, the URL or the request, found before anything was sent
#   3  refused             the service's answer if it is no success: "status" (HTTP's), "code" (such as TOK400; empty if another
#                          than the service answered), "description", "errors" ([{"field","reason"}]), "requestId",
#                          "retryAfter" (seconds), "authenticated" (false: it was not encrypted, take it as a hint)
#   4  no-answer           nothing came, or not all of it. The call may have had its effect all the same
#   5  unreadable-answer   what came is not, or not provably, the service's answer to this call. Do not use it
#
# To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it, and
# take the old one out when no call that used it is under way.

set -uo pipefail
export LC_ALL=C

readonly TOKEN_PATH=/token-service/client/server/new/v2/token
readonly LEGACY_TOKEN_PATH=/token-service/client/server/new/token
readonly TIMEOUT_SECONDS=30
# shellcheck disable=SC1112 # they are meant
readonly CURLY_QUOTES='“|”|„|‟|‘|’|‚|‛|«|»'
# The members, each with other names that people have for it, without case and marks.
readonly NAMES='
referenceId refid refno
sdkPublicKey publickey
sdkApiKey sdkkey
accountNumber account accountid accountno accountnum accno
firstName givenname
lastName surname familyname
name fullname customername
email mail emailid emailaddress
isdCode isd countrycode dialcode
mobileNumber mobile mobileno phone phonenumber telephone
dob birthdate birthday dateofbirth
data
'
readonly PRIME=ffffffff00000001000000000000000000000000ffffffffffffffffffffffff # of P-256

main() {
    url='' path=$TOKEN_PATH send_kid=yes attempts=4 max_pause=30 credentials='' reference_id='' as_json='' operation=server/new server_pub_key='' session_jwk=''
    need_tools
    local command=${1-}
    shift || true
    local plain=()
    while (($#)); do
        case $1 in
        --url | --attempts | --max-pause)
            (($# > 1)) || fail_input "$1 needs a value"
            case $1 in --url) url=$2 url_given=yes ;; --attempts) attempts=$2 ;; *) max_pause=$2 ;; esac
            shift ;;
        --legacy) path=$LEGACY_TOKEN_PATH ;;
        --no-kid) send_kid= ;;
        --*) fail_input "there is no option $1; see the beginning of $0" ;;
        *) plain+=("$1") ;;
        esac
        shift
    done
    [[ $attempts =~ ^[1-9][0-9]?$ && $max_pause =~ ^[0-9]{1,6}$ ]] || fail_input "--attempts and --max-pause are numbers"
    case $command in
    token | send | invalidate | renew) as_json=yes ;;&
    token | renew | encrypt | decrypt) (("${#plain[@]}" == 1)) || usage ;;&
    send | invalidate) (("${#plain[@]}" == 2)) || usage ;;&
    token | send | invalidate | renew | encrypt | decrypt) load_credentials "${plain[0]}" ;;&
    token) token ;;
    send) reference_id=${plain[1]} && send "$(cat)" ;;
    invalidate) reference_id=${plain[1]} && invalidate ;;
    renew) renew ;;
    encrypt) encrypt ;;
    decrypt) decrypt ;;
    sdk-key) jose jwk gen -i '{"kty":"EC","crv":"P-256"}' && echo ;;
    sdk-public-key) sdk_public_key ;;
    session-key) (("${#plain[@]}" == 1)) || usage && session_key "${plain[0]}" ;;
    *) usage ;;
    esac
}

token() {
    local members
    members=$(cat)
    is_object "$members" || fail_input "the request $(json_fault "$members")"
    # jq reads numbers as JavaScript does.
    local rounded
    rounded=$(jq -r '[to_entries[] | select(.value | type == "number" and (. >= 9007199254740992 or . <= -9007199254740992)) | .key] | join(", ")' <<<"$members")
    [[ -z $rounded ]] || fail_input "$rounded: a number of more than 15 digits would be rounded: write it as a string"
    members=$(jq -c --slurpfile file "$credentials" --arg fresh "$(cat /proc/sys/kernel/random/uuid)" \
        '{sdkApiKey: $file[0].sdkApiKey, referenceId: $fresh} + .' <<<"$members")
    reference_id=$(jq -r .referenceId <<<"$members")
    misspelt "$members" >&2
    sent=$members
    # Once for all tries: the same bytes again reveal nothing new.
    local body
    body=$(printf %s "$members" | encrypt) || fail_input "the request cannot be encrypted"
    send "$body"
}

# A line for each member that is unknown and probably a misspelling.
misspelt() {
    jq -r --arg names "$NAMES" '($names | split("\n") | map(select(. != "") | split(" "))) as $lines |
        keys_unsorted[] | . as $name | select(any($lines[]; .[0] == $name) or IN("firstname", "lastname") | not) |
        (gsub("\u0131|\u0130"; "i") | ascii_downcase | gsub("[^\\p{L}\\p{N}]"; "")) as $plain |
        $lines[] | select(any(.[]; ascii_downcase == $plain)) |
        "\($name | @json) is ignored. Is \(.[0]) meant? Names are compared exactly"' <<<"$1"
}

# A jq function: the first character that cannot stand in a member, or the entry of data that breaks a rule. Never the value.
readonly HINT='def hex: . as $n | [range(5; -1; -1) as $i | ($n / pow(16; $i) | floor) % 16] | map("0123456789ABCDEF"[.:. + 1]) | join("") |
    ltrimstr("0") | ltrimstr("0");
def hint($name; $value):
    if $name == "data" and ($value | type) == "object" then
        first($value | to_entries[] | select(.value | type != "string" or length > 1024) |
            " (\(.key | @json) has no string of at most 1,024 characters)") // ""
    elif ($value | type) == "string" then
        ($name | IN("isdCode", "mobileNumber")) as $phone |
        first($value | explode | to_entries[] | .key as $at | .value as $c | select(
            if $phone or ($name | IN("accountNumber", "dob")) then ($c < 48 or $c > 57) and ($phone and $at == 0 and $c == 43 | not)
            elif $name == "referenceId" then [$c] | implode | test("[A-Za-z0-9._:-]") | not
            elif $name | IN("email", "sdkApiKey", "sdkPublicKey") then $c < 33 or $c > 126
            else $c < 32 or ($c > 126 and $c < 160) end) |
            " (U+\($c | hex) at character \($at + 1))") // ""
    else "" end;'

invalidate() {
    operation=server/invalidate
    local body
    body=$(jq -cn --arg id "$reference_id" '{tokenReferenceId: $id}' | encrypt) || fail_input "the request cannot be encrypted"
    send "$body"
}

# As the SDK does. All tries present one token, so that they get one new one.
renew() {
    operation=app/renew
    local renewal key body
    renewal=$(cat)
    is_object "$renewal" || fail_input "the renewal $(json_fault "$renewal")"
    # They become lines of a header.
    jq -e '[.token, .accountNumber] | all(type == "string" and test("^[!-~]+$"))' <<<"$renewal" >/dev/null ||
        fail_input 'token and accountNumber must be strings of visible ASCII'
    key=$(jq -r '.sessionKey | strings' <<<"$renewal")
    if ((${#key} != 43)) || ! is_base64url "$key"; then
        fail_input 'sessionKey must be 43 base64url characters, 32 bytes'
    fi
    reference_id=$(jq -r '.referenceId // ""' <<<"$renewal")
    server_pub_key=$(jq -r '.serverPubKey // ""' <<<"$renewal")
    session_jwk="{\"kty\":\"oct\",\"k\":\"$key\"}"
    headers=$(jq -r --slurpfile file "$credentials" '"X-API-KEY: \($file[0].sdkApiKey)", "X-API-TOKEN: \(.token)",
        "X-ACCOUNT-NUMBER: \(.accountNumber)"' <<<"$renewal")
    body=$(jq -c '{token}' <<<"$renewal" |
        jose jwe enc -i '{"protected":{"alg":"dir","enc":"A256GCM"}}' -I - -k <(printf %s "$session_jwk") -c -o -) ||
        fail_input "the request cannot be encrypted"
    send "$body"
}

# All tries have one referenceId, so that they have one effect however many of them reached the service.
send() {
    service_url
    folder=$(mktemp -d)
    trap 'rm -rf "$folder"' EXIT
    local attempt pause
    for ((attempt = 1; ; attempt++)); do
        # Each of these says what came in kind, message and problem; success ends the program.
        if call "$1"; then read_answer; fi
        pause=$(jq -r '.retryAfter // 0' <<<"$problem")
        if ((attempt >= attempts || pause > max_pause)) || [[ $(jq .retryable <<<"$problem") == false ]]; then
            fail "$kind" "$message" "$problem"
        fi
        # Doubles from 0.2 s, half of it random, so that clients that failed together do not come back together.
        local millis=$((100 << (attempt > 10 ? 9 : attempt - 1)))
        millis=$((millis + RANDOM % millis))
        sleep "$((pause + millis / 1000)).$(printf %03d $((millis % 1000)))"
    done
}

# Fails if nothing, or not all of it, came.
call() {
    # Keys go through pipes: anybody on this machine can read a program's arguments.
    # All paths are made alike, those of the first version too.
    if status=$(printf %s "$1" | curl --silent --show-error --no-location --max-time "$TIMEOUT_SECONDS" --request POST \
        --header @<(printf '%s\n' "${headers:-$(jq -r '"X-API-KEY: " + .apiKey' "$credentials")}") --header 'Content-Type: text/plain' --header 'Expect:' \
        --data-binary @- --dump-header "$folder/headers" --output "$folder/body" --write-out '%{http_code}' \
        -- "$url${path/server\/new/"$operation"}" 2>"$folder/said"); then
        return 0
    fi
    kind=no-answer problem='{"retryable":true}'
    message="no answer from the token service: $(sed 's/^curl: //' "$folder/said" | tail -1). Try again with the same referenceId"
    return 1
}

# Makes a success or an error of what came. Only what a payload key (of a renewal: the session key) opens is the service's word.
read_answer() {
    local body request_id retry_after replayed=false encrypted=false said code
    body=$([[ ! -f $folder/body ]] || tr -d '\000' <"$folder/body")
    request_id=$(header X-Request-Id)
    retry_after=$(header Retry-After)
    [[ $retry_after =~ ^[0-9]{1,6}$ ]] || retry_after=0
    [[ $(header Idempotent-Replayed) != true ]] || replayed=true
    [[ $status != 200 && $body != ey* ]] || encrypted=true
    local retryable=false
    [[ ! $status =~ ^(429|502|503|504)$ ]] || retryable=true
    problem=$(jq -cn --arg id "$request_id" "{status: $status, requestId: \$id, retryable: $retryable}")

    said=$body
    if $encrypted && ! said=$(open_jwe "$body"); then
        unreadable "$said"
        return
    fi
    if ! is_object "$said"; then
        $encrypted && unreadable "what was encrypted $(json_fault "$said")" && return
        said='{}'
    fi
    if $encrypted && ! jq -e --arg id "$reference_id" '(.referenceId // $id) == $id' <<<"$said" >/dev/null; then
        unreadable 'it is the answer to another referenceId: do not use it'
        return
    fi
    # resCode is a number on the legacy path: 100 is TOK200, and 2 is TOK002.
    code=$(jq -r '.resCode // "" | if . == 100 then "TOK200" elif type == "number" then "TOK\("000\(.)"[-3:])" else tostring end' <<<"$said")
    if $encrypted && [[ $code == TOK200 ]]; then
        # A token's answer to the same referenceId opens with the same key, and must not pass for this one.
        if [[ $operation == server/invalidate ]] && jq -e '(.referenceId | not) or has("token")' <<<"$said" >/dev/null; then
            unreadable 'it is not the answer to an invalidation'
            return
        elif [[ $operation == server/invalidate ]]; then
            jq -c '{referenceId: $id, requestId}' --arg id "$reference_id" <<<"$problem"
            exit 0
        fi
        [[ $operation != app/renew ]] || said=$(jq -c --arg key "$server_pub_key" '.serverPubKey = $key' <<<"$said")
        if jq -e '(.referenceId and .token and .serverPubKey and (.expireAt | type == "number")) | not' <<<"$said" >/dev/null; then
            unreadable 'it lacks referenceId, token, serverPubKey or expireAt'
            return
        fi
        jq -c --argjson problem "$problem" --argjson replayed "$replayed" \
            '{token, serverPubKey, expireAt, referenceId, replayed: $replayed, requestId: $problem.requestId}' <<<"$said"
        exit 0
    fi
    kind=refused
    problem=$(jq -c --argjson problem "$problem" --arg code "$code" --argjson after "$retry_after" --argjson encrypted "$encrypted" \
        '$problem + {code: $code, description: (.resDesc // "" | tostring), retryAfter: $after, authenticated: $encrypted,
         errors: [.errors // [] | if type == "array" then .[] else empty end | objects | {field: (.field | tostring), reason: (.reason | tostring)}]}' <<<"$said")
    # @json, so that no line break gets from a stranger's answer into a log.
    message=$(jq -r --arg advice "$(advice "$code" "$said")" --argjson sent "${sent:-null}" "$HINT"'"the token service answered HTTP \(.status) \(.code | @json) \(.description | @json)" +
        ([.errors[] | "; \(.field | @json): \(.reason | @json)\(hint(.field; $sent[.field]?))"] | join("")) + ". " + $advice' <<<"$problem")
}

unreadable() {
    kind=unreadable-answer
    message="the answer (HTTP $status) cannot be read: $1"
}

advice() {
    case $status,$1 in
    429,* | 502,* | 503,* | 504,*) echo 'Try again later with the same referenceId' ;;
    *,TOK002) echo 'Check apiKey in the credentials (for renew: sdkApiKey); if it was just issued, try again in a minute; else ask the operator' ;;
    *,TOK003) echo 'Do not try again in a loop; report it with the request id' ;;
    *,TOK004) echo 'Check sdkApiKey in the credentials' ;;
    *,TOK400)
        if jq -e '.errors | length > 0' <<<"$2" >/dev/null 2>&1; then
            echo 'Correct every member that is named'
        else
            echo 'Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes'
        fi ;;
    *,TOK409)
        if jq -e '.errors[0].reason == "reused"' <<<"$2" >/dev/null 2>&1; then
            echo 'Another request had this referenceId: find out why before you take a new one'
        else
            echo 'The token of this referenceId is no longer valid: ask again under a new referenceId'
        fi ;;
    *,TOK422)
        if jq -e '.resDesc | startswith("The body is JSON")' <<<"$2" >/dev/null 2>&1; then
            echo "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
        else
            echo 'No payload key on file for you opens this body: check that the credentials are those of this URL, and that the service has the first key of payloadKeys (for renew: that the session key is right)'
        fi ;;
    *,TOK401)
        if jq -e '.errors[0].reason == "superseded"' <<<"$2" >/dev/null 2>&1; then
            echo 'This token was renewed already: use the newest one of its session'
        else
            echo 'This token cannot be renewed: get a new one under a new referenceId'
        fi ;;
    *,TOK404)
        if jq -e '.errors[0].reason == "unknown"' <<<"$2" >/dev/null 2>&1; then
            echo 'There is nothing to invalidate: the session has ended, or never was yours'
        else
            echo "Check the URL: it ends before $TOKEN_PATH"
        fi ;;
    413,*) echo 'Send less data' ;;
    *) echo "Check the URL: it ends before $TOKEN_PATH" ;;
    esac
}

header() { sed -n "s/^$1: *\([!-~]*\).*/\1/Ip" "$folder/headers" | tail -1; }

# Encryption: compact JWE (RFC 7516) with alg dir and enc A256GCM

encrypt() {
    local header
    header=$(jq -c --arg send_kid "$send_kid" '{protected: ({alg: "dir", enc: "A256GCM"} +
        if $send_kid == "" then {} else {kid: .payloadKeys.keys[0].kid} end)}' "$credentials")
    jose jwe enc -i "$header" -I - -k <(jq -c '.payloadKeys.keys[0] | {kty, k}' "$credentials") -c -o -
}

decrypt() {
    # The point keeps line breaks at the end from the shell.
    local text
    text=$(open_jwe "$(cat)" && printf .) || fail_input "$text"
    printf %s "${text%.}"
}

# The plaintext; or, if it cannot be opened, why, and failure. Checks the form, of which jose leaves some to its caller.
open_jwe() {
    local jwe=$1 text header kid jwk known=
    jwe=${jwe#"${jwe%%[![:space:]]*}"}
    jwe=${jwe%"${jwe##*[![:space:]]}"}
    case $jwe in
    '') refuse 'it is empty' ;;
    '{'*) refuse 'it is plain JSON and not encrypted as a compact JWE: nothing vouches for it' ;;
    '<'*) refuse "it is a web page and no JWE: is the URL the token service's?" ;;
    esac || return
    ! has_quotes "$jwe" || refuse 'it has quotes in it, straight or curly: give the JWE alone' || return
    local points=${jwe//[!.]/}
    ((${#points} == 4)) || refuse "it has $((${#points} + 1)) of the 5 segments of a compact JWE: is it cut off?" || return
    local segments at names=(header 'encrypted key' IV ciphertext tag)
    IFS=. read -r -a segments < <(printf '%s.\n' "$jwe")
    for at in 0 1 2 3 4; do
        is_base64url "${segments[at]-}" ||
            refuse "its ${names[at]} is not base64url without padding: is it cut off, or changed?" || return
    done
    # 16 and 22 characters are 12 and 16 bytes.
    ((${#segments[1]} == 0 && ${#segments[2]} == 16 && ${#segments[4]} == 22)) ||
        refuse 'its encrypted key, IV and tag do not have 0, 12 and 16 bytes' || return
    ((${#segments[0]} <= 1366)) || refuse 'its header is longer than 1,024 bytes' || return
    header=$(decode "${segments[0]}" | tr '\000' '?')
    kid=$(jq -rsc '
        if length != 1 or (.[0] | type != "object") then empty else .[0] |
            if .alg != "dir" or .enc != "A256GCM" then "!its header must say alg dir and enc A256GCM"
            elif has("crit") or has("zip") then "!its header has crit or zip, which are not supported"
            elif has("kid") and (.kid | type != "string") then "!its header\u0027s kid is not a string"
            else .kid | @json end
        end' <<<"$header" 2>/dev/null)
    case $kid in
    '') refuse "its header $(json_fault "$header")" ;;
    !*) refuse "${kid#!}" ;;
    esac || return
    while read -r jwk; do
        known=yes
        # jose writes while it decrypts; what it wrote counts only if the tag, which comes last, was right.
        if text=$(printf %s "$jwe" | jose jwe dec -i - -k <(printf %s "$jwk") -O - 2>/dev/null && printf .); then
            printf %s "${text%.}"
            return 0
        fi
    done < <(
        if [[ $session_jwk ]]; then
            printf '%s\n' "$session_jwk"
        else
            jq -c --argjson kid "$kid" '.payloadKeys.keys[] | select($kid == null or .kid == $kid) | {kty, k}' "$credentials"
        fi
    )
    [[ $known ]] || refuse "it is encrypted with the payload key $kid, which the credentials do not have" || return
    refuse 'the key does not open it: it was encrypted with another key, cut off, or changed on its way'
}

refuse() {
    printf %s "$1"
    return 1
}

# The SDK's side: ECDH-ES of RFC 7518 section 4.6

sdk_public_key() {
    local jwk
    jwk=$(jq -cj '{kty, crv, x, y}' 2>/dev/null) || fail_input "the SDK's key is no JWK"
    encode "$jwk"
}

session_key() {
    local theirs name value z
    theirs=$(is_base64url "$1" && decode "$1" | tr '\000' '?') || fail_input 'serverPubKey is not base64url without padding'
    is_object "$theirs" || fail_input "serverPubKey $(json_fault "$theirs")"
    jq -e '.kty == "EC" and .crv == "P-256"' <<<"$theirs" >/dev/null || fail_input "serverPubKey's kty and crv must be EC and P-256"
    for name in x y; do
        value=$(jq -r ".$name | strings" <<<"$theirs")
        if ((${#value} != 43)) || ! is_base64url "$value"; then
            fail_input "serverPubKey's x and y must be 43 base64url characters each, 32 bytes"
        fi
        # jose takes a coordinate of the field's prime or more, and reduces it.
        [[ $(decode "$value" | hex) < $PRIME ]] || fail_input "serverPubKey's x and y are no point of P-256"
    done
    # The product's x-coordinate is Z.
    z=$(jose jwk exc -l - -r <(jq -c '{kty, crv, x, y}' <<<"$theirs") -o - 2>/dev/null | jq -r .x)
    [[ $z ]] || fail_input "serverPubKey's x and y are no point of P-256, or the SDK's key is no private JWK"
    # Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
    local sum
    sum=$({
        printf '\0\0\0\1'
        decode "$z"
        printf '\0\0\0\7A256GCM\0\0\0\0\0\0\0\0\0\0\1\0'
    } | sha256sum)
    printf %b "$(sed 's/../\\x&/g' <<<"${sum%% *}")" | jose b64 enc -I - -o - && echo
}

# Reading what people wrote

need_tools() {
    local tool
    for tool in curl jq jose; do
        command -v "$tool" >/dev/null || fail_input "$tool is missing. Get it with: apt-get install $tool"
    done
}

# Names what is wrong with the credentials, and shows no key.
load_credentials() {
    credentials=$1
    [[ -r $credentials ]] || fail_input "$credentials cannot be read"
    # It is read more than once.
    [[ -f $credentials ]] || fail_input "$credentials is no file"
    local text fault
    text=$(tr '\000' '?' <"$credentials")
    is_object "$text" || fail_input "$credentials: the file $(json_fault "$text")"
    fault=$(jq -r '
        def curly: test("[“”„‟‘’‚‛«»]");
        def hex: (if . >= 16 then . / 16 | floor | hex else "" end) + (. % 16 | "0123456789ABCDEF"[.:. + 1]);
        def visible_fault($name):
            if type != "string" or . == "" then "\($name) is missing, or no string"
            elif curly then "\($name) has a curly quote in it, as from a document: copy what is between the quotes"
            else ((explode | map(. < 33 or . > 126) | index(true)) as $at | select($at != null) |
                "\($name) has the character U+\(explode[$at] | hex | "0" * (4 - length) + .) at position \($at + 1), where only visible ASCII can stand")
            end;
        def key_fault:
            if type != "string" or . == "" then "must be a string: the 32 bytes of the key in base64url"
            elif curly or test("[\"\u0027]") then "has quotes in it, straight or curly, as from a document: copy the 43 characters between them"
            elif startswith("-----BEGIN") then "is PEM: write the 32 bytes of the key in base64url"
            elif test("\\s") then "has white space or a line break in it: it is 43 characters without any"
            elif test("^[0-9A-Fa-f]{64}$") then "is hex: write the same 32 bytes in base64url, which takes 43 characters"
            elif test("^[A-Za-z0-9+/]+=*$") and test("[+/=]") then "is standard base64: for base64url write - for +, _ for /, and leave out ="
            elif length != 43 then "has \(length) characters, some \(length * 6 / 8 | floor * 8) bits: A256GCM needs 256 bits, " +
                "which are 43 characters of base64url. Is it cut off, or not encoded?"
            else select(test("^[A-Za-z0-9_-]{42}[AEIMQUYcgkosw048]$") | not) | "is not base64url without padding: is it cut off, or changed?"
            end;
        def keys_fault:
            if type != "object" or (.keys | type != "array" or . == []) then
                "payloadKeys must be a JWK Set, {\"keys\":[...]}, of at least one key, the newest first"
            else .keys as $keys | range($keys | length) as $i | $keys[$i] | "payloadKeys.keys[\($i)]" as $at |
                if type != "object" or .kty != "oct" then "\($at).kty must be \"oct\""
                else .kid as $kid |
                    ($kid | visible_fault("\($at).kid")),
                    (select(any($keys[:$i][]; .kid == $kid)) | "\($at).kid is that of another key too"),
                    (.k | key_fault | "\($at).k (kid \($kid)) \(.)")
                end
            end;
        first((.partnerId | visible_fault("partnerId")), (.apiKey | visible_fault("apiKey")),
            (.sdkApiKey | visible_fault("sdkApiKey")), (.payloadKeys | keys_fault))' <<<"$text") ||
        fail_input "$credentials cannot be checked"
    [[ -z $fault ]] || fail_input "$credentials: $fault"
}

# Sets url, without a slash at its end.
service_url() {
    [[ ${url_given-} ]] || url=$(jq -r '.url // ""' "$credentials")
    [[ $url ]] || fail_input 'there is no URL: give --url, or put it into the credentials as url'
    [[ $url =~ ^(https?)://(\[[0-9a-fA-F:.]+\]|[A-Za-z0-9.-]+)(:[0-9]+)?(/[A-Za-z0-9._~/%-]*)?$ ]] ||
        fail_input 'the URL must be like https://api.example.com/prod'
    local scheme=${BASH_REMATCH[1]} host=${BASH_REMATCH[2]}
    [[ $url != */token-service/* ]] || fail_input 'the URL must end before /token-service/...: this client adds the path'
    [[ $scheme == https || $host =~ ^(localhost|127(\.[0-9]+){3}|\[::1\])$ ]] ||
        fail_input 'the URL must begin with https://, as your API key is sent there; http:// is for this machine only'
    while [[ $url == */ ]]; do url=${url%/}; done
}

is_object() { jq -es 'length == 1 and (.[0] | type == "object")' <<<"$1" >/dev/null 2>&1; }

# Where the text stops being JSON. Quotes none of it, as it may hold keys.
json_fault() {
    jq -es 'length == 1' <<<"$1" >/dev/null 2>&1 && printf 'is not a JSON object' && return
    local tokens='^([[:space:]]|[][{}:,]|"([^"\\'$'\n'']|\\.)*"|true|false|null|-?[0-9][0-9.eE+-]*)*'
    [[ $1 =~ $tokens ]]
    local before=${BASH_REMATCH[0]} curly=
    local after=${1:${#before}} lines=${before//[!$'\n']/} last=${before##*$'\n'}
    [[ ! $after =~ ^($CURLY_QUOTES) ]] || curly=': a curly quote, as from a document, where a straight one (") is due'
    printf 'is not JSON: line %d, column %d%s' $((${#lines} + 1)) $((${#last} + 1)) "$curly"
}

has_quotes() { [[ $1 =~ [\"\'] || $1 =~ $CURLY_QUOTES ]]; }

# Canonical and without padding: no stray bits in the last character.
is_base64url() {
    [[ $1 =~ ^[A-Za-z0-9_-]*$ ]] || return
    case $((${#1} % 4)) in
    0) ;;
    1) return 1 ;;
    2) [[ $1 =~ [AQgw]$ ]] ;;
    3) [[ $1 =~ [AEIMQUYcgkosw048]$ ]] ;;
    esac
}

decode() { [[ -z $1 ]] || printf %s "$1" | jose b64 dec -i - -O -; }
encode() { printf %s "$1" | jose b64 enc -I - -o - && echo; }
hex() { od -An -v -tx1 | tr -d ' \n'; }

usage() { fail_input "see the beginning of $0 for how to call it"; }

fail_input() { fail input "$1" '{"retryable":false}'; }

# The end, by an error: fail KIND MESSAGE JSON.
fail() {
    echo "$2${reference_id:+ [referenceId $reference_id]}" >&2
    if [[ ${as_json-} ]] && command -v jq >/dev/null; then
        jq -c --arg error "$1" --arg message "$2" --arg id "${reference_id-}" \
            '{error: $error, message: $message} + . + {referenceId: $id}' <<<"$3"
    fi
    case $1 in input) exit 2 ;; refused) exit 3 ;; no-answer) exit 4 ;; *) exit 5 ;; esac
}

main "$@"
