<?php

// SPDX-License-Identifier: MIT-0

/**
 * Asks the token service for tokens, and ends their sessions, on a partner's server.
 *
 * Copy this file. It needs PHP 8.2 with the extensions curl and openssl, and nothing else.
 *
 *     $client = TokenClient::fromFile('credentials.json', 'https://api.example.com/prod');
 *     $answer = $client->getToken([
 *         'referenceId' => $id,               // yours: a UUID, stored before the call, so that a repeat gets the same token
 *         'sdkPublicKey' => $fromTheSdk,      // as the app sent it
 *         'accountNumber' => '123123123123',  // digits in a string: PHP rounds integers beyond 18
 *     ]);
 *
 * Then give $answer->serverPubKey and $answer->token to the app. The other members are in docs/protocol.md. At logout:
 *
 *     $client->invalidate($id);
 *
 * A call encrypts with the first payload key of the credentials, opens the answer with any of them, and tries again by
 * itself where that can help. Every error is a TokenException of one of four kinds, which says what to do. Where it is
 * `retryable`, the same call may succeed later; make it with the same referenceId.
 *
 * To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it,
 * and take the old one out when no call that used it is under way.
 */

declare(strict_types=1);

namespace TokenService;

/** A token. */
final class Answer
{
    /**
     * @param string $referenceId the one that was asked for; getToken has checked it
     * @param string $token for the SDK; nobody else can read it
     * @param string $serverPubKey for the SDK: see SdkKeyPair::sessionKey
     * @param int $expireAt milliseconds since the epoch: the SDK renews the token before then
     * @param bool $replayed an earlier call with this referenceId made this token
     * @param string $requestId for the operator, if you have a question
     */
    public function __construct(
        public readonly string $referenceId,
        public readonly string $token,
        public readonly string $serverPubKey,
        public readonly int $expireAt,
        public readonly bool $replayed,
        public readonly string $requestId,
    ) {
    }
}

/** Why a call did not succeed. Its message says what to do, and shows no key. */
abstract class TokenException extends \Exception
{
    /** Whether the same call, with the same referenceId, may succeed later. */
    public bool $retryable = false;
    /** The request's: repeat the call with it. */
    public string $referenceId = '';
    /** For the operator. */
    public string $requestId = '';
}

/** A fault in the credentials, the URL or the request that was found before anything was sent. */
final class InputException extends TokenException
{
}

/** Nothing came back, or not all of it. The call may have had its effect all the same: repeat it with the same referenceId. */
final class NoAnswerException extends TokenException
{
}

/** What came is not, or not provably, the service's answer to this call. Do not use it. */
final class UnreadableAnswerException extends TokenException
{
    public int $httpStatus = 0;
}

/** The service's answer, if it is no success. */
final class RefusedException extends TokenException
{
    /** Such as TOK400; empty if API Gateway or a proxy answered instead of the service. */
    public string $resCode = '';
    public int $httpStatus = 0;
    /** For people. */
    public string $description = '';
    /** @var list<array{field: string, reason: string}> members of the request, and the rules that they broke */
    public array $errors = [];
    /** Seconds to wait, if the service asked for it. */
    public int $retryAfter = 0;
    /** It was encrypted. If not, anybody on the way could have written it: take it as a hint. */
    public bool $authenticated = false;
}

/** What the calls differ in. @internal */
final class Call
{
    /**
     * @param string $operation of the path
     * @param list<string> $headers
     * @param array<int, array{kid: string, bytes: string}> $keys open the answer
     * @param \Closure(array<string, mixed>, bool, string): (Answer|string) $read makes a success's members into what the
     *     caller gets. Throws UnexpectedValueException if it is not what was asked for
     */
    public function __construct(
        public readonly string $operation,
        public readonly string $referenceId,
        #[\SensitiveParameter] public readonly array $headers,
        #[\SensitiveParameter] public readonly array $keys,
        public readonly \Closure $read,
        #[\SensitiveParameter] public readonly array $members = [],
    ) {
    }
}

/** Calls the service for one partner. */
final class TokenClient
{
    public const PATH = '/token-service/client/server/new/v2/token';
    /** The first version's path, whose resCode is a number. What a call gives is the same on both. */
    public const LEGACY_PATH = '/token-service/client/server/new/token';

    public string $path = self::PATH;
    /** Leave the key's name out of the request: the service then tries each of your keys. */
    public bool $omitKid = false;
    /** Tries of a call. */
    public int $attempts = 4;
    /** The longest pause between two tries, in seconds. If the service asks for more, the call ends. */
    public int $maxPause = 30;
    /** An attempt ends after this many seconds. API Gateway itself waits for 29. */
    public int $timeout = 30;

    private string $url;
    private string $partnerId;
    private string $apiKey;
    private string $sdkApiKey;
    /** @var array<int, array{kid: string, bytes: string}> the newest first */
    private array $keys;

    /** Reads a credentials file. Without a URL it is the file's own. */
    public static function fromFile(string $file, ?string $url = null): self
    {
        $credentials = @file_get_contents($file);
        if ($credentials === false) {
            throw new InputException("the credentials file $file cannot be read");
        }
        try {
            return new self($credentials, $url);
        } catch (InputException $error) {
            throw new InputException("$file: {$error->getMessage()}");
        }
    }

    /** @param string $credentials the text of a credentials file */
    public function __construct(#[\SensitiveParameter] string $credentials, ?string $url = null)
    {
        try {
            // PowerShell and editors of Windows begin a file with a byte order mark.
            $file = Json::object(str_starts_with($credentials, "\u{feff}") ? substr($credentials, 3) : $credentials);
        } catch (\UnexpectedValueException $error) {
            throw new InputException("the credentials are {$error->getMessage()}");
        }
        $this->url = Input::url($url ?? $file['url'] ?? '');
        $this->partnerId = Input::visible('partnerId', $file['partnerId'] ?? null);
        $this->apiKey = Input::visible('apiKey', $file['apiKey'] ?? null);
        $this->sdkApiKey = Input::visible('sdkApiKey', $file['sdkApiKey'] ?? null);
        $this->keys = Input::payloadKeys($file['payloadKeys'] ?? null);
    }

    /** What var_dump shows: no key. */
    public function __debugInfo(): array
    {
        return ['partnerId' => $this->partnerId, 'url' => $this->url];
    }

    /**
     * Asks for a token. Adds sdkApiKey from the credentials, and a random referenceId if there is none: give your own, so
     * that you can repeat the call after a crash. Members that are wrong are the service's to name. It ignores those whose
     * names it does not know: of a name that is probably misspelt there is a line in PHP's error log.
     *
     * @param array<string, mixed> $request
     * @throws TokenException
     */
    public function getToken(array $request): Answer
    {
        $request += ['sdkApiKey' => $this->sdkApiKey];
        if (!array_key_exists('referenceId', $request)) {
            $request['referenceId'] = self::uuid();
        }
        if (($request['data'] ?? null) === []) {
            $request['data'] = new \stdClass(); // else PHP writes a list
        }
        try {
            $plaintext = json_encode($request, JSON_THROW_ON_ERROR | JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES);
        } catch (\JsonException $error) {
            throw new InputException("the request cannot be written as JSON: {$error->getMessage()}");
        }
        foreach (array_keys($request) as $name) {
            $meant = self::meant((string) $name);
            if ($meant !== null) {
                error_log(self::quoted((string) $name) . " is ignored. Is $meant meant? Names are compared exactly");
            }
        }
        $referenceId = is_string($request['referenceId']) ? $request['referenceId'] : '';
        // Encrypted anew for each try: every body has an IV of its own.
        return $this->retry($this->newToken($referenceId, $request), fn () => $this->encrypt($plaintext));
    }

    /** getToken for a body that was encrypted before, as it is. */
    public function send(string $referenceId, string $body): Answer
    {
        return $this->retry($this->newToken($referenceId), fn () => $body);
    }

    /**
     * Ends the session that getToken began with this referenceId: at logout, or after a timeout of your own. Its token can no
     * longer be renewed, and resource servers learn that it is inactive. To invalidate again changes nothing.
     *
     * @return string the request's id, for the operator
     * @throws TokenException a RefusedException TOK404 with the reason unknown if there is no such session: it has ended, or
     *     never was yours
     */
    public function invalidate(string $referenceId): string
    {
        try {
            $plaintext = json_encode(['tokenReferenceId' => $referenceId], JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new InputException("the referenceId cannot be written as JSON: {$error->getMessage()}");
        }
        // getToken's answer to the same referenceId opens with the same key, and must not pass for this one.
        $read = fn (array $said, bool $_, string $requestId): string => isset($said['referenceId']) && !isset($said['token'])
            ? $requestId
            : throw new \UnexpectedValueException('it is not the answer to an invalidation');
        $call = new Call('server/invalidate', $referenceId, ["X-API-KEY: $this->apiKey"], $this->keys, $read);
        return $this->retry($call, fn () => $this->encrypt($plaintext));
    }

    /**
     * Renews a token as the SDK does: for tests without the app. All tries present one token, so that they get one new one.
     *
     * @param Answer $answer of getToken, or of the renewal before
     * @param string $sessionKey of SdkKeyPair
     * @param string $accountNumber the request's
     * @return Answer token and expireAt are new
     * @throws TokenException
     */
    public function renew(Answer $answer, #[\SensitiveParameter] string $sessionKey, string $accountNumber): Answer
    {
        if (strlen($sessionKey) !== 32) {
            throw new InputException('the session key must have 32 bytes');
        }
        $headers = [
            "X-API-KEY: $this->sdkApiKey",
            'X-API-TOKEN: ' . Input::visible('token', $answer->token),
            'X-ACCOUNT-NUMBER: ' . Input::visible('accountNumber', $accountNumber),
        ];
        $key = ['kid' => '', 'bytes' => $sessionKey];
        $plaintext = json_encode(['token' => $answer->token], JSON_THROW_ON_ERROR);
        $read = fn (array $said, bool $replayed, string $requestId): Answer =>
            self::answer(['serverPubKey' => $answer->serverPubKey] + $said, $replayed, $requestId);
        return $this->retry(
            new Call('app/renew', $answer->referenceId, $headers, [$key], $read),
            fn () => self::sealed($plaintext, random_bytes(12), $key, true),
        );
    }

    /** @param array<string, mixed> $members of the request */
    private function newToken(string $referenceId, #[\SensitiveParameter] array $members = []): Call
    {
        $headers = ["X-API-KEY: $this->apiKey"];
        return new Call('server/new', $referenceId, $headers, $this->keys, self::answer(...), $members);
    }

    /**
     * What getToken and renew give.
     *
     * @param array<string, mixed> $said
     */
    private static function answer(array $said, bool $replayed, string $requestId): Answer
    {
        [$id, $token, $key] = [$said['referenceId'] ?? '', $said['token'] ?? '', $said['serverPubKey'] ?? ''];
        $end = $said['expireAt'] ?? null;
        if (!is_string($id) || !is_string($token) || !is_string($key) || !is_int($end) || $id === '' || !$token || !$key) {
            throw new \UnexpectedValueException('it lacks referenceId, token, serverPubKey or expireAt');
        }
        return new Answer($id, $token, $key, $end, $replayed, $requestId);
    }

    /**
     * Tries until there is an answer that another try would not change. All tries have one referenceId, so that they have
     * one effect however many of them reached the service.
     */
    private function retry(Call $call, \Closure $body): Answer|string
    {
        for ($attempt = 1; ; $attempt++) {
            try {
                return $this->call($call, $body());
            } catch (TokenException $error) {
                $asked = $error instanceof RefusedException ? $error->retryAfter : 0;
                // Doubled from 0.2 s, half of it random, so that clients that failed together do not come back together.
                $longest = 100_000 * 2 ** min($attempt, 10);
                $pause = $asked * 1_000_000 + random_int(intdiv($longest, 2), $longest);
                if (!$error->retryable || $attempt >= $this->attempts || $pause > $this->maxPause * 1_000_000) {
                    throw $error;
                }
                usleep($pause);
            }
        }
    }

    /** Tries once. */
    private function call(Call $call, string $body): Answer|string
    {
        $headers = [];
        // All paths are made alike, those of the first version too.
        $curl = curl_init($this->url . str_replace('server/new', $call->operation, $this->path));
        curl_setopt_array($curl, [
            CURLOPT_POST => true,
            CURLOPT_POSTFIELDS => $body,
            CURLOPT_HTTPHEADER => [...$call->headers, 'Content-Type: text/plain', 'Expect:'],
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false, // the API key is for this server only
            CURLOPT_CONNECTTIMEOUT => 5,
            CURLOPT_TIMEOUT => $this->timeout,
            CURLOPT_HEADERFUNCTION => function ($_, string $line) use (&$headers): int {
                [$name, $value] = explode(':', $line, 2) + [1 => ''];
                $headers[strtolower($name)] = trim($value);
                return strlen($line);
            },
        ]);
        $received = curl_exec($curl);
        if (!is_string($received)) {
            $error = new NoAnswerException('no answer from the token service: ' . curl_error($curl)
                . ". Try again with the same referenceId \"$call->referenceId\"");
            $error->retryable = true;
            $error->referenceId = $call->referenceId;
            throw $error;
        }
        return self::read($call, curl_getinfo($curl, CURLINFO_RESPONSE_CODE), $received, $headers);
    }

    /**
     * Makes an answer or an exception of what came, for a getToken that was sent with an HTTP client of your own.
     *
     * @param array<string, string> $headers by names in lower case
     */
    public function readAnswer(string $referenceId, int $status, string $body, array $headers = []): Answer
    {
        return self::read($this->newToken($referenceId), $status, $body, $headers);
    }

    /**
     * Makes a success or an exception of what came. Only what one of the call's keys opens is the service's word.
     *
     * @param array<string, string> $headers by names in lower case
     */
    private static function read(Call $call, int $status, string $body, array $headers): Answer|string
    {
        $referenceId = $call->referenceId;
        $requestId = $headers['x-request-id'] ?? '';
        $said = [];
        $encrypted = $status === 200 || str_starts_with($body, 'ey');
        try {
            $said = Json::object($encrypted ? self::open($body, $call->keys) : $body);
            $echo = $said['referenceId'] ?? null;
            if ($encrypted && $echo !== null && $echo !== $referenceId) {
                throw new \UnexpectedValueException('it is the answer to another referenceId: do not use it');
            }
            $code = self::code($said['resCode'] ?? null);
            if ($encrypted && $code === 'TOK200') {
                return ($call->read)($said, ($headers['idempotent-replayed'] ?? '') === 'true', $requestId);
            }
        } catch (\UnexpectedValueException $fault) {
            if ($encrypted) {
                $error = new UnreadableAnswerException("the answer (HTTP $status) cannot be read: {$fault->getMessage()} "
                    . "[referenceId \"$referenceId\", request \"$requestId\"]");
                [$error->httpStatus, $error->retryable] = [$status, self::retryable($status)];
                [$error->referenceId, $error->requestId] = [$referenceId, $requestId];
                throw $error;
            }
        }
        throw self::refused($referenceId, $status, $said, $headers, $encrypted, $call->members);
    }

    /** @param array<string, mixed> $said */
    private static function refused(
        string $referenceId, int $status, array $said, array $headers, bool $encrypted, array $members
    ): RefusedException {
        $code = self::code($said['resCode'] ?? null);
        $description = is_string($said['resDesc'] ?? null) ? $said['resDesc'] : '';
        $errors = [];
        foreach (is_array($said['errors'] ?? null) ? $said['errors'] : [] as $entry) {
            if (is_string($entry['field'] ?? null) && is_string($entry['reason'] ?? null)) {
                $errors[] = ['field' => $entry['field'], 'reason' => $entry['reason']];
            }
        }
        $requestId = $headers['x-request-id'] ?? '';
        $message = "the token service answered HTTP $status $code";
        $message .= $description === '' ? '' : ' (' . self::quoted($description) . ')';
        foreach ($errors as $entry) {
            $message .= '; ' . self::quoted($entry['field']) . ': ' . self::quoted($entry['reason']);
            $message .= self::hint($entry['field'], $members[$entry['field']] ?? null);
        }
        $message .= '. ' . self::advice($status, $code, $errors[0]['reason'] ?? '', $description);
        $message .= ' [referenceId ' . self::quoted($referenceId) . ', request ' . self::quoted($requestId) . ']';
        $error = new RefusedException($message);
        [$error->resCode, $error->httpStatus, $error->description, $error->errors] = [$code, $status, $description, $errors];
        [$error->referenceId, $error->requestId, $error->authenticated] = [$referenceId, $requestId, $encrypted];
        $error->retryable = self::retryable($status);
        $seconds = $headers['retry-after'] ?? '';
        $error->retryAfter = preg_match('/^\d{1,6}$/D', $seconds) ? (int) $seconds : 0;
        return $error;
    }

    /** resCode, which LEGACY_PATH sends as a number: 100 is TOK200, and 2 is TOK002. */
    private static function code(mixed $resCode): string
    {
        return match (true) {
            is_string($resCode) => $resCode,
            $resCode === 100 => 'TOK200',
            is_int($resCode) => sprintf('TOK%03d', $resCode),
            default => '',
        };
    }

    private static function retryable(int $status): bool
    {
        return in_array($status, [429, 502, 503, 504], true);
    }

    private static function advice(int $status, string $code, string $reason, string $description): string
    {
        return match (true) {
            self::retryable($status) => 'Try again later with the same referenceId',
            $code === 'TOK002' => 'Check apiKey in the credentials (for renew: sdkApiKey); if it was just issued, try again '
                . 'in a minute; else ask the operator',
            $code === 'TOK422' && str_starts_with($description, 'The body is JSON') => 'Send the compact JWE alone, as it is: '
                . 'neither the request\'s JSON nor JSON with the JWE in it',
            $code === 'TOK422' => 'No payload key on file for you opens this body: check that the credentials are '
                . 'those of this URL, and that the service has the first key of payloadKeys (for renew: that the session key '
                . 'is the token\'s)',
            $code === 'TOK400' && $reason === '' => 'Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes',
            $code === 'TOK400' => 'Correct every member that is named',
            $code === 'TOK004' => 'Check sdkApiKey in the credentials',
            $code === 'TOK409' && $reason === 'reused' => 'Another request had this referenceId: find out why before you '
                . 'take a new one',
            $code === 'TOK409' => 'The token of this referenceId is no longer valid: ask again under a new referenceId',
            $code === 'TOK401' && $reason === 'superseded' => 'This token was renewed already: use the newest one of its '
                . 'session',
            $code === 'TOK401' => 'This token cannot be renewed: get a new one under a new referenceId',
            $code === 'TOK404' && $reason === 'unknown' => 'There is nothing to invalidate: the session has ended, or never '
                . 'was yours',
            $status === 413 => 'Send less data',
            $code === 'TOK003' => 'Do not try again in a loop; report it with the request id',
            default => 'Check the URL: it ends before ' . self::PATH,
        };
    }

    /** The members, each with other names that people have for it, without case and marks. */
    private const NAMES = <<<'NAMES'
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
NAMES;

    /** The member that an unknown name is probably a misspelling of. */
    private static function meant(string $name): ?string
    {
        $folded = strtolower(str_replace(["\u{131}", "\u{130}"], 'i', $name));
        $plain = preg_replace('/[^\p{L}\p{N}]/u', '', $folded) ?? '';
        $found = null;
        foreach (explode("\n", self::NAMES) as $line) {
            $words = explode(' ', $line);
            if (in_array($name, [$words[0], 'firstname', 'lastname'], true)) {
                return null;
            }
            if (in_array($plain, array_map(strtolower(...), $words), true)) {
                $found = $words[0];
            }
        }
        return $found;
    }

    /** The first character that cannot stand in a member, or the entry of data that breaks a rule. Never the value. */
    private static function hint(string $name, #[\SensitiveParameter] mixed $value): string
    {
        foreach ($name === 'data' && is_iterable($value) ? $value : [] as $key => $entry) {
            if (!is_string($entry) || preg_match('/^.{0,1024}$/Dsu', $entry) !== 1) {
                return ' (' . self::quoted((string) $key) . ' has no string of at most 1,024 characters)';
            }
        }
        $allowed = match ($name) {
            'accountNumber', 'dob', 'isdCode', 'mobileNumber' => '/^[0-9]$/D',
            'referenceId' => '/^[A-Za-z0-9._:-]$/D',
            'email', 'sdkApiKey', 'sdkPublicKey' => '/^[!-~]$/D',
            default => '/^\P{Cc}$/Du',
        };
        $characters = is_string($value) ? preg_split('//u', $value, -1, PREG_SPLIT_NO_EMPTY) : [];
        foreach ($characters ?: [] as $at => $character) {
            $isPlus = $at === 0 && $character === '+' && in_array($name, ['isdCode', 'mobileNumber'], true);
            if (!$isPlus && preg_match($allowed, $character) !== 1) {
                $point = hexdec(bin2hex((string) iconv('UTF-8', 'UCS-4BE', $character)));
                return sprintf(' (U+%04X at character %d)', $point, $at + 1);
            }
        }
        return '';
    }

    /** Text of an answer for a message: quoted, so that it cannot write lines of its own into a log. */
    private static function quoted(string $text): string
    {
        return (string) json_encode($text, JSON_UNESCAPED_UNICODE | JSON_UNESCAPED_SLASHES | JSON_INVALID_UTF8_SUBSTITUTE);
    }

    private static function uuid(): string
    {
        $bytes = random_bytes(16);
        $bytes[6] = chr(ord($bytes[6]) & 0x0f | 0x40);
        $bytes[8] = chr(ord($bytes[8]) & 0x3f | 0x80);
        return vsprintf('%s%s-%s-%s-%s-%s%s%s', str_split(bin2hex($bytes), 4));
    }

    /** Makes the body of a request: a compact JWE (RFC 7516) under the first payload key, with a random IV. */
    public function encrypt(#[\SensitiveParameter] string $plaintext): string
    {
        return $this->seal($plaintext, random_bytes(12));
    }

    private function seal(#[\SensitiveParameter] string $plaintext, string $iv): string
    {
        return self::sealed($plaintext, $iv, $this->keys[0], $this->omitKid);
    }

    /** @param array{kid: string, bytes: string} $key */
    private static function sealed(
        #[\SensitiveParameter] string $plaintext, string $iv, #[\SensitiveParameter] array $key, bool $omitKid
    ): string {
        ['kid' => $kid, 'bytes' => $key] = $key;
        $header = ['alg' => 'dir', 'enc' => 'A256GCM'] + ($omitKid ? [] : ['kid' => $kid]);
        $first = Base64Url::encode(json_encode($header, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES));
        $ciphertext = openssl_encrypt($plaintext, 'aes-256-gcm', $key, OPENSSL_RAW_DATA, $iv, $tag, $first, 16);
        if ($ciphertext === false) {
            throw new InputException('the openssl extension cannot encrypt with aes-256-gcm');
        }
        // Between header and IV stands the encrypted key, which dir does not have.
        return "$first.." . implode('.', array_map([Base64Url::class, 'encode'], [$iv, $ciphertext, $tag]));
    }

    /**
     * Opens an answer's body: with the payload key that it names, or, if it names none, with each in order.
     *
     * @throws \UnexpectedValueException it cannot be opened; the message says why
     */
    public function decrypt(string $jwe): string
    {
        return self::open($jwe, $this->keys);
    }

    /** @param array<int, array{kid: string, bytes: string}> $keys */
    private static function open(string $jwe, #[\SensitiveParameter] array $keys): string
    {
        $jwe = trim($jwe, " \t\r\n");
        $segments = explode('.', $jwe);
        $fault = match (true) {
            $jwe === '' => 'it is empty',
            $jwe[0] === '{' => 'it is plain JSON and not encrypted as a compact JWE: nothing vouches for it',
            $jwe[0] === '<' => 'it is a web page and no JWE: is the URL the token service\'s?',
            preg_match(Input::QUOTES, $jwe) === 1 => 'it has quotes in it, straight or curly: give the JWE alone',
            count($segments) !== 5 => 'it has ' . count($segments) . ' of the 5 segments of a compact JWE: is it cut off?',
            default => null,
        };
        if ($fault !== null) {
            throw new \UnexpectedValueException($fault);
        }
        $parts = [];
        foreach (['header', 'encrypted key', 'IV', 'ciphertext', 'tag'] as $i => $name) {
            $parts[] = Base64Url::decode($segments[$i])
                ?? throw new \UnexpectedValueException(
                    "its $name is not base64url without padding: is it cut off, or changed?");
        }
        [$header, $encryptedKey, $iv, $ciphertext, $tag] = $parts;
        $kid = self::kidOf($header);
        // openssl_decrypt takes a tag of any length, also one that anybody can guess.
        if ($encryptedKey !== '' || strlen($iv) !== 12 || strlen($tag) !== 16) {
            throw new \UnexpectedValueException('its encrypted key, IV and tag must have 0, 12 and 16 bytes');
        }
        $keys = array_filter($keys, fn (array $key) => $kid === null || $key['kid'] === $kid);
        foreach ($keys as $key) {
            // The AAD is the header as it came: encoded again it may differ.
            $plaintext = openssl_decrypt($ciphertext, 'aes-256-gcm', $key['bytes'], OPENSSL_RAW_DATA, $iv, $tag, $segments[0]);
            if ($plaintext !== false) {
                return $plaintext;
            }
        }
        throw new \UnexpectedValueException($keys === []
            ? 'it is encrypted with the payload key ' . self::quoted((string) $kid) . ', which the credentials do not have'
            : 'the key does not open it: it was encrypted with another key, cut off, or changed on its way');
    }

    /** The header's kid; null if it has none. */
    private static function kidOf(string $text): ?string
    {
        if (strlen($text) > 1024) {
            throw new \UnexpectedValueException('its header is longer than 1,024 bytes');
        }
        try {
            $header = Json::object($text);
        } catch (\UnexpectedValueException $error) {
            throw new \UnexpectedValueException("its header is {$error->getMessage()}");
        }
        $named = array_key_exists('kid', $header);
        $fault = match (true) {
            ($header['alg'] ?? null) !== 'dir', ($header['enc'] ?? null) !== 'A256GCM' => 'must say alg dir and enc A256GCM',
            array_key_exists('crit', $header), array_key_exists('zip', $header) => 'has crit or zip, which are not supported',
            $named && !is_string($header['kid']) => 'has a kid that is not a string',
            default => null,
        };
        if ($fault !== null) {
            throw new \UnexpectedValueException("its header $fault");
        }
        return $named ? $header['kid'] : null;
    }
}

/**
 * The SDK's side, for tests without the app: a P-256 key pair as the mobile SDK makes one for each session (ECDH-ES of RFC 7518
 * section 4.6). In production it never leaves the device.
 */
final class SdkKeyPair
{
    // DER in front of a point's x and y (SubjectPublicKeyInfo), and around d (ECPrivateKey, RFC 5915), on P-256.
    private const PUBLIC_DER = '3059301306072a8648ce3d020106082a8648ce3d03010703420004';
    private const PRIVATE_DER = ['303102010104' . '20', 'a00a06082a8648ce3d030107'];

    private function __construct(private readonly \OpenSSLAsymmetricKey $private)
    {
    }

    public static function generate(): self
    {
        $key = openssl_pkey_new(['private_key_type' => OPENSSL_KEYTYPE_EC, 'curve_name' => 'prime256v1']);
        return new self($key ?: throw new InputException('the openssl extension cannot make a P-256 key'));
    }

    /** Reads a private JWK, such as a test's. */
    public static function fromJwk(#[\SensitiveParameter] string $jwk): self
    {
        $point = self::point($jwk);
        $d = Json::object($jwk)['d'] ?? null;
        $d = is_string($d) ? Base64Url::decode($d) : null;
        if ($d === null || strlen($d) !== 32) {
            throw new InputException('the SDK\'s private key has no d of 43 base64url characters');
        }
        $der = hex2bin(self::PRIVATE_DER[0]) . $d . hex2bin(self::PRIVATE_DER[1]);
        $key = openssl_pkey_get_private(self::pem('EC PRIVATE KEY', $der));
        $pair = new self($key ?: throw new InputException('the SDK\'s private key d is not usable'));
        if ($pair->coordinates() !== $point) {
            throw new InputException('the SDK\'s private key d does not belong to its x and y');
        }
        return $pair;
    }

    /** The sdkPublicKey member of the request. */
    public function publicKey(): string
    {
        [$x, $y] = array_map([Base64Url::class, 'encode'], str_split($this->coordinates(), 32));
        return Base64Url::encode('{"kty":"EC","crv":"P-256","x":"' . $x . '","y":"' . $y . '"}');
    }

    /** Derives the 32 bytes that the SDK and the service share, from the answer's serverPubKey. */
    public function sessionKey(string $serverPubKey): string
    {
        $jwk = Base64Url::decode($serverPubKey) ?? throw new InputException('serverPubKey is not base64url without padding');
        $public = openssl_pkey_get_public(self::pem('PUBLIC KEY', hex2bin(self::PUBLIC_DER) . self::point($jwk)));
        $z = $public ? openssl_pkey_derive($public, $this->private, 32) : false;
        if ($z === false) {
            throw new InputException('the public key\'s x and y are no point of P-256');
        }
        // Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
        return hash('sha256', pack('N', 1) . $z . pack('N', 7) . 'A256GCM' . pack('N3', 0, 0, 256), true);
    }

    /** x and y, 32 bytes each. */
    private function coordinates(): string
    {
        $ec = openssl_pkey_get_details($this->private)['ec'];
        return str_pad($ec['x'], 32, "\0", STR_PAD_LEFT) . str_pad($ec['y'], 32, "\0", STR_PAD_LEFT);
    }

    /** x and y of a JWK, 32 bytes each; not yet known to be on the curve. */
    private static function point(string $text): string
    {
        try {
            $jwk = Json::object($text);
        } catch (\UnexpectedValueException $error) {
            throw new InputException("the public key is {$error->getMessage()}");
        }
        if (($jwk['kty'] ?? null) !== 'EC' || ($jwk['crv'] ?? null) !== 'P-256') {
            throw new InputException('the public key\'s kty and crv must be EC and P-256');
        }
        $point = '';
        foreach (['x', 'y'] as $name) {
            $coordinate = is_string($jwk[$name] ?? null) ? Base64Url::decode($jwk[$name]) : null;
            if ($coordinate === null || strlen($coordinate) !== 32) {
                throw new InputException("the public key's $name must be 43 base64url characters, 32 bytes");
            }
            $point .= $coordinate;
        }
        return $point;
    }

    private static function pem(string $type, #[\SensitiveParameter] string $der): string
    {
        return "-----BEGIN $type-----\n" . chunk_split(base64_encode($der), 64, "\n") . "-----END $type-----\n";
    }
}

/** Reads what people wrote. @internal */
final class Input
{
    public const QUOTES = '/["\'“”„‟‘’‚‛«»]/u';
    public const CURLY_QUOTE = '/[“”„‟‘’‚‛«»]/u';

    public static function url(mixed $url): string
    {
        $parts = is_string($url) ? parse_url($url) : null;
        $host = $parts['host'] ?? '';
        $local = $host === 'localhost' || $host === '[::1]' || preg_match('/^127(\.\d{1,3}){3}$/D', $host) === 1;
        $scheme = strtolower($parts['scheme'] ?? '');
        $fault = match (true) {
            $url === '' => 'there is no URL: give one, or put it into the credentials as url',
            $host === '' || isset($parts['user']) || isset($parts['query']) || isset($parts['fragment']) =>
                'the URL must be like https://api.example.com/prod',
            str_contains($parts['path'] ?? '', '/token-service/') =>
                'the URL must end before /token-service/...: the client adds the path',
            $scheme !== 'https' && !($scheme === 'http' && $local) =>
                'the URL must begin with https://, as your API key is sent there; http:// is for this machine only',
            default => null,
        };
        return $fault === null ? rtrim($url, '/') : throw new InputException($fault);
    }

    /** A string of printable ASCII without spaces, as keys and names are. */
    public static function visible(string $name, #[\SensitiveParameter] mixed $text): string
    {
        $fault = match (true) {
            !is_string($text) || $text === '' => 'is missing, or no string',
            preg_match(self::CURLY_QUOTE, $text) === 1 =>
                'has a curly quote in it, as from a document: copy what stands between the quotes',
            preg_match('/[^!-~]/u', $text, $found) === 1 =>
                'has the character ' . self::codePoint($found[0]) . ' in it, where only visible ASCII can stand',
            default => null,
        };
        return $fault === null ? $text : throw new InputException("$name $fault");
    }

    /** Such as U+00A0. */
    private static function codePoint(string $character): string
    {
        $bytes = array_values(unpack('C*', $character));
        $point = $bytes[0] & (count($bytes) > 1 ? 0x7f >> count($bytes) : 0x7f);
        foreach (array_slice($bytes, 1) as $byte) {
            $point = $point << 6 | $byte & 0x3f;
        }
        return sprintf('U+%04X', $point);
    }

    /** @return list<array{kid: string, bytes: string}> */
    public static function payloadKeys(#[\SensitiveParameter] mixed $set): array
    {
        $list = is_array($set) ? $set['keys'] ?? null : null;
        if (!is_array($list) || !array_is_list($list) || $list === []) {
            throw new InputException('payloadKeys must be a JWK Set, {"keys":[...]}, of at least one key, the newest first');
        }
        $keys = [];
        foreach ($list as $i => $jwk) {
            $at = "payloadKeys.keys[$i]";
            if (!is_array($jwk) || ($jwk['kty'] ?? null) !== 'oct') {
                throw new InputException("$at.kty must be \"oct\"");
            }
            $kid = self::visible("$at.kid", $jwk['kid'] ?? null);
            if (in_array($kid, array_column($keys, 'kid'), true)) {
                throw new InputException("$at.kid is that of another key too");
            }
            $fault = self::keyFault($jwk['k'] ?? null);
            if ($fault !== null) {
                throw new InputException("$at.k (kid $kid) $fault");
            }
            $keys[] = ['kid' => $kid, 'bytes' => Base64Url::decode($jwk['k'])];
        }
        return $keys;
    }

    /** What is wrong with the text of a payload key, without showing it. */
    private static function keyFault(#[\SensitiveParameter] mixed $k): ?string
    {
        return match (true) {
            !is_string($k) || $k === '' => 'must be a string: the key\'s 32 bytes in base64url',
            preg_match(self::QUOTES, $k) === 1 =>
                'has quotes in it, straight or curly, as from a document: copy the 43 characters between them',
            str_starts_with($k, '-----BEGIN') => 'is PEM: write the key\'s 32 bytes in base64url',
            preg_match('/\s/u', $k) === 1 => 'has white space or a line break in it: it is 43 characters without any',
            preg_match('/^[0-9A-Fa-f]{64}$/D', $k) === 1 =>
                'is hex: write the same 32 bytes in base64url, which takes 43 characters',
            preg_match('/[+\/=]/', $k) === 1 && preg_match('/^[A-Za-z0-9+\/]+=*$/D', $k) === 1 =>
                'is standard base64: for base64url write - for +, _ for /, and leave out =',
            strlen($k) !== 43 => 'has ' . strlen($k) . ' characters, some ' . intdiv(strlen($k) * 6, 8) * 8 . ' bits: A256GCM '
                . 'needs 256 bits, which are 43 characters of base64url. Is it cut off, or not encoded?',
            Base64Url::decode($k) === null => 'is not base64url without padding: is it cut off, or changed?',
            default => null,
        };
    }
}

/** Stricter than json_decode: refuses members that are repeated. @internal */
final class Json
{
    /**
     * @return array<string, mixed>
     * @throws \UnexpectedValueException
     */
    public static function object(#[\SensitiveParameter] string $text): array
    {
        try {
            $value = json_decode($text, true, 64, JSON_THROW_ON_ERROR);
        } catch (\JsonException $error) {
            throw new \UnexpectedValueException(self::fault($text, $error->getMessage()));
        }
        if (!is_array($value) || ltrim($text)[0] !== '{') {
            throw new \UnexpectedValueException('not a JSON object');
        }
        $open = [];
        preg_match_all('/("(?:[^"\\\\]++|\\\\.)*+")(\s*+:)?|[{}[\]]/s', $text, $tokens, PREG_SET_ORDER);
        foreach ($tokens as $token) {
            if ($token[0] === '{' || $token[0] === '[') {
                $open[] = [];
            } elseif ($token[0] === '}' || $token[0] === ']') {
                array_pop($open);
            } elseif (isset($token[2])) {
                $name = json_decode($token[1]);
                if (isset($open[count($open) - 1][$name])) {
                    throw new \UnexpectedValueException('not valid: a member is there twice');
                }
                $open[count($open) - 1][$name] = true;
            }
        }
        return $value;
    }

    /** json_decode does not say where: the fault is where the text stops being words of JSON, or else unknown. */
    private static function fault(#[\SensitiveParameter] string $text, string $message): string
    {
        preg_match('/^(?:\s++|"(?:[^"\\\\]++|\\\\.)*+"|[{}[\],:]|-?\d[\d.eE+-]*+|true|false|null)*+/s', $text, $words);
        $before = $words[0] ?? '';
        if ($before === $text) {
            return "not JSON: $message";
        }
        $line = substr_count($before, "\n") + 1;
        $column = preg_match_all('/./su', substr("\n$before", strrpos("\n$before", "\n") + 1)) + 1;
        $found = preg_match('/^./su', substr($text, strlen($before)), $next) === 1 ? $next[0] : '';
        return "not JSON: line $line, column $column: " . match (true) {
            preg_match(Input::CURLY_QUOTE, $found) === 1 =>
                'a curly quote, as from a document, where a straight one (") is due',
            $found === '"' => 'a string that does not end: is the text cut off?',
            default => $message,
        };
    }
}

/** base64url without padding. @internal */
final class Base64Url
{
    public static function encode(string $bytes): string
    {
        return rtrim(strtr(base64_encode($bytes), '+/', '-_'), '=');
    }

    /** Null if the text is not the canonical one: PHP's decoder also takes white space, padding and stray bits. */
    public static function decode(string $text): ?string
    {
        $bytes = base64_decode(strtr($text, '-_', '+/'), true);
        return $bytes !== false && self::encode($bytes) === $text ? $bytes : null;
    }
}
