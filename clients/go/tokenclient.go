// SPDX-License-Identifier: MIT-0

// Package tokenclient asks the token service for tokens, and ends their sessions, on a partner's server.
//
// Copy this file. It needs Go 1.19 or newer and nothing else.
//
//	client, err := tokenclient.Load("credentials.json", "https://api.example.com/prod")
//	...
//	answer, err := client.GetToken(ctx, map[string]any{
//		"referenceId":   id,             // yours: a UUID, stored before the call, so that a repeat gets the same token
//		"sdkPublicKey":  fromTheSDK,     // as the app sent it
//		"accountNumber": "123123123123", // digits in a string: a float64 loses those beyond 15
//	})
//
// Then give answer.ServerPubKey and answer.Token to the app. The other members are in docs/protocol.md. At logout:
//
//	requestID, err := client.Invalidate(ctx, id)
//
// A call encrypts with the first payload key of the credentials, opens the answer with any of them, and tries again by
// itself where that can help. Its errors are of four types, each of which says what to do: [*InputError],
// [*RefusedError], [*NoAnswerError] and [*UnreadableAnswerError]. [Retryable] tells whether the same call may succeed
// later; make it with the same referenceId.
//
// To rotate a payload key, put the new key first in the credentials file, once the operator says that the service has it,
// and take the old one out when no call that used it is under way.
package tokenclient

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"math/big"
	mathrand "math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"
)

const (
	// TokenPath is the path of Get Token below the service's URL.
	TokenPath = "/token-service/client/server/new/v2/token"
	// LegacyTokenPath is the first version's path, whose resCode is a number. What a call gives is the same on both.
	LegacyTokenPath = "/token-service/client/server/new/token"
)

// Client calls the service for one partner. Change its fields before the first call; then it is safe for concurrent use.
type Client struct {
	Path     string        // TokenPath
	OmitKid  bool          // leave the key's name out of the request: the service then tries each of your keys
	Attempts int           // tries of a call, 4
	MaxPause time.Duration // the longest pause between two tries, 30 s. If the service asks for more, the call ends
	Warn     func(string)  // is told of members that are probably misspelt, which the service ignores: log.Print
	HTTP     *http.Client  // follows no redirect, as the API key must not; an attempt ends after 30 s

	url, partnerID, apiKey, sdkAPIKey string
	keys                              []payloadKey
}

type payloadKey struct {
	kid  string
	aead cipher.AEAD
}

// Answer is a token.
type Answer struct {
	ReferenceID  string    // the one that was asked for; GetToken has checked it
	Token        string    // for the SDK; nobody else can read it
	ServerPubKey string    // for the SDK: see [SDKKeyPair.SessionKey]
	ExpireAt     time.Time // the SDK renews the token before then
	Replayed     bool      // an earlier call with this referenceId made this token
	RequestID    string    // for the operator, if you have a question
}

// Load reads a credentials file and makes a client of it. An empty url means the file's own.
func Load(path, url string) (*Client, error) {
	credentials, err := os.ReadFile(path)
	if err != nil {
		return nil, &InputError{Reason: "the credentials cannot be read: " + err.Error(), Err: err}
	}
	client, err := New(credentials, url)
	var input *InputError
	if errors.As(err, &input) {
		input.Reason = path + ": " + input.Reason
	}
	return client, err
}

// New makes a client of the text of a credentials file. An empty url means the file's own.
func New(credentials []byte, url string) (*Client, error) {
	// PowerShell and editors of Windows begin a file with a byte order mark.
	file, err := readJSONObject(bytes.TrimPrefix(credentials, []byte("\ufeff")))
	if err != nil {
		return nil, inputError("the credentials are %v", err)
	}
	if url == "" {
		url, _ = file["url"].(string)
	}
	client := &Client{Path: TokenPath, Attempts: 4, MaxPause: 30 * time.Second, HTTP: defaultHTTP(), Warn: warn}
	if client.url, err = serviceURL(url); err != nil {
		return nil, err
	}
	for name, value := range map[string]*string{
		"partnerId": &client.partnerID, "apiKey": &client.apiKey, "sdkApiKey": &client.sdkAPIKey,
	} {
		if *value, err = visibleText(file[name]); err != nil {
			return nil, inputError("%s %v", name, err)
		}
	}
	client.keys, err = payloadKeys(file["payloadKeys"])
	return client, err
}

// String says whose client it is, and no key.
func (c *Client) String() string { return "token client of " + c.partnerID + " at " + c.url }

// GoString is String, so that no way of printing shows a key.
func (c *Client) GoString() string { return c.String() }

// GetToken asks for a token. It adds sdkApiKey from the credentials, and a random referenceId if there is none: give your
// own, so that you can repeat the call after a crash. Members that are wrong are the service's to name: see
// [RefusedError].
func (c *Client) GetToken(ctx context.Context, request map[string]any) (*Answer, error) {
	members := map[string]any{"sdkApiKey": c.sdkAPIKey}
	if _, given := request["referenceId"]; !given {
		members["referenceId"] = randomUUID()
	}
	for name, value := range request {
		members[name] = value
	}
	plaintext, err := json.Marshal(members)
	if err != nil {
		return nil, inputError("the request cannot be written as JSON: %v", err)
	}
	// Marshal writes this for bytes that are not UTF-8, and says nothing.
	if strings.Contains(strings.ReplaceAll(string(plaintext), `\\`, ""), `\ufffd`) {
		return nil, inputError("a string of the request is not UTF-8")
	}
	for name := range members {
		if member := meant(name); member != "" && c.Warn != nil {
			c.Warn(fmt.Sprintf("%q is ignored. Is %s meant? Names are compared exactly", name, member))
		}
	}
	referenceID, _ := members["referenceId"].(string)
	// Encrypted anew for each try: every body has an IV of its own.
	answer, err := c.getToken(ctx, referenceID, func() string { return c.Encrypt(plaintext) })
	var refused *RefusedError
	if errors.As(err, &refused) {
		refused.members = members
	}
	return answer, err
}

// Send is GetToken for a body that was encrypted before, as it is.
func (c *Client) Send(ctx context.Context, referenceID, body string) (*Answer, error) {
	return c.getToken(ctx, referenceID, func() string { return body })
}

func (c *Client) getToken(ctx context.Context, referenceID string, body func() string) (*Answer, error) {
	answer := &Answer{}
	err := c.retry(ctx, call{operation: "server/new", referenceID: referenceID, keys: c.keys, body: body, read: answer.read})
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// Invalidate ends the session that GetToken began with this referenceId: at logout, or after a timeout of your own. Its
// token can no longer be renewed, and resource servers learn that it is inactive. To invalidate again changes nothing. It
// gives the request's id, for the operator. A [RefusedError] TOK404 with the reason unknown says that there is no such
// session: it has ended, or never was yours.
func (c *Client) Invalidate(ctx context.Context, referenceID string) (string, error) {
	plaintext, err := json.Marshal(map[string]string{"tokenReferenceId": referenceID})
	if err != nil {
		return "", inputError("the referenceId cannot be written as JSON: %v", err)
	}
	requestID := ""
	// GetToken's answer to the same referenceId opens with the same key, and must not pass for this one.
	read := func(said map[string]any, response *http.Response) error {
		if _, token := said["token"]; token || said["referenceId"] == nil {
			return errors.New("it is not the answer to an invalidation")
		}
		requestID = response.Header.Get("X-Request-Id")
		return nil
	}
	body := func() string { return c.Encrypt(plaintext) }
	err = c.retry(ctx, call{operation: "server/invalidate", referenceID: referenceID, keys: c.keys, body: body, read: read})
	return requestID, err
}

// Renew renews a token as the SDK does: for tests without the app. The answer is that of GetToken, or of the renewal
// before; the key is [SDKKeyPair.SessionKey]'s. All tries present one token, so that they get one new one.
func (c *Client) Renew(ctx context.Context, answer *Answer, sessionKey []byte, accountNumber string) (*Answer, error) {
	if len(sessionKey) != 32 {
		return nil, inputError("the session key must have 32 bytes")
	}
	aead, err := newGCM(sessionKey)
	if err != nil {
		return nil, inputError("the session key cannot be used: %v", err)
	}
	for name, value := range map[string]string{"token": answer.Token, "accountNumber": accountNumber} {
		if _, err := visibleText(value); err != nil {
			return nil, inputError("%s %v", name, err)
		}
	}
	plaintext, err := json.Marshal(map[string]string{"token": answer.Token})
	if err != nil {
		return nil, inputError("the token cannot be written as JSON: %v", err)
	}
	next := &Answer{}
	err = c.retry(ctx, call{
		operation: "app/renew", referenceID: answer.ReferenceID, keys: []payloadKey{{aead: aead}},
		headers: map[string]string{"X-API-KEY": c.sdkAPIKey, "X-API-TOKEN": answer.Token, "X-ACCOUNT-NUMBER": accountNumber},
		body:    func() string { return seal(aead, `{"alg":"dir","enc":"A256GCM"}`, plaintext) },
		read: func(said map[string]any, response *http.Response) error {
			said["serverPubKey"] = answer.ServerPubKey
			return next.read(said, response)
		},
	})
	if err != nil {
		return nil, err
	}
	return next, nil
}

// call is what the calls differ in.
type call struct {
	operation   string // of the path
	referenceID string
	headers     map[string]string // X-API-KEY alone if nil
	keys        []payloadKey      // open the answer
	body        func() string     // anew for each try
	// read takes what the caller gets from a success's members, or says why it is not what was asked for.
	read func(said map[string]any, response *http.Response) error
}

// read takes what GetToken and Renew give.
func (a *Answer) read(said map[string]any, response *http.Response) error {
	a.ReferenceID, _ = said["referenceId"].(string)
	a.Token, _ = said["token"].(string)
	a.ServerPubKey, _ = said["serverPubKey"].(string)
	expireAt, _ := said["expireAt"].(json.Number)
	millis, err := expireAt.Int64()
	a.ExpireAt = time.UnixMilli(millis)
	a.Replayed, a.RequestID = response.Header.Get("Idempotent-Replayed") == "true", response.Header.Get("X-Request-Id")
	if a.ReferenceID == "" || a.Token == "" || a.ServerPubKey == "" || err != nil {
		return errors.New("it lacks referenceId, token, serverPubKey or expireAt")
	}
	return nil
}

// retry tries until there is an answer that another try would not change. All tries have one referenceId, so that they
// have one effect however many of them reached the service.
func (c *Client) retry(ctx context.Context, call call) error {
	for attempt := 1; ; attempt++ {
		err := c.try(ctx, call)
		if err == nil || !Retryable(err) || attempt >= c.Attempts || ctx.Err() != nil {
			return err
		}
		pause := pauseAfter(attempt, err)
		if pause > c.MaxPause {
			return err
		}
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return err
		}
	}
}

// pauseAfter doubles from 0.2 s, half of it random, so that clients that failed together do not come back together. It is
// never shorter than what the service asked for.
func pauseAfter(attempt int, err error) time.Duration {
	longest := 200 * time.Millisecond << (attempt - 1)
	if attempt > 10 {
		longest = 100 * time.Second
	}
	pause := longest/2 + time.Duration(mathrand.Int63n(int64(longest/2)))
	var refused *RefusedError
	if errors.As(err, &refused) {
		pause += refused.RetryAfter
	}
	return pause
}

// try tries once.
func (c *Client) try(ctx context.Context, call call) error {
	// All paths are made alike, those of the first version too.
	url := c.url + strings.Replace(c.Path, "server/new", call.operation, 1)
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(call.body()))
	if err != nil {
		return inputError("the URL cannot be called: %v", err)
	}
	request.Header.Set("X-API-KEY", c.apiKey)
	for name, value := range call.headers {
		request.Header.Set(name, value)
	}
	request.Header.Set("Content-Type", "text/plain")
	response, err := c.HTTP.Do(request)
	if err != nil {
		return &NoAnswerError{ReferenceID: call.referenceID, Err: err}
	}
	defer response.Body.Close()
	received, err := io.ReadAll(io.LimitReader(response.Body, 1<<20))
	if err != nil {
		return &NoAnswerError{ReferenceID: call.referenceID, Err: err}
	}
	return readAnswer(call, response, string(received))
}

// readAnswer makes a success or an error of what came. Only what one of the call's keys opens is the service's word.
func readAnswer(call call, response *http.Response, body string) error {
	referenceID := call.referenceID
	status, requestID := response.StatusCode, response.Header.Get("X-Request-Id")
	unreadable := func(err error) error {
		return &UnreadableAnswerError{ReferenceID: referenceID, HTTPStatus: status, RequestID: requestID, Err: err}
	}
	encrypted := status == http.StatusOK || strings.HasPrefix(body, "ey")
	said, text := map[string]any(nil), []byte(body)
	if encrypted {
		var err error
		if text, err = open(body, call.keys); err != nil {
			return unreadable(err)
		}
	}
	said, err := readJSONObject(text)
	if err != nil && encrypted {
		return unreadable(fmt.Errorf("what was encrypted is %w", err))
	}
	echo, echoed := said["referenceId"].(string)
	if encrypted && echoed && echo != referenceID {
		return unreadable(errors.New("it is the answer to another referenceId: do not use it"))
	}
	code := codeOf(said["resCode"])
	if encrypted && code == "TOK200" {
		if err := call.read(said, response); err != nil {
			return unreadable(err)
		}
		return nil
	}
	refused := &RefusedError{
		Code: code, HTTPStatus: status, ReferenceID: referenceID, RequestID: requestID, Authenticated: encrypted,
	}
	refused.Description, _ = said["resDesc"].(string)
	failing, _ := said["errors"].([]any)
	for _, item := range failing {
		entry, _ := item.(map[string]any)
		field, _ := entry["field"].(string)
		reason, _ := entry["reason"].(string)
		refused.Errors = append(refused.Errors, FieldError{Field: field, Reason: reason})
	}
	if seconds, err := strconv.Atoi(response.Header.Get("Retry-After")); err == nil && seconds > 0 && seconds < 1e6 {
		refused.RetryAfter = time.Duration(seconds) * time.Second
	}
	return refused
}

// codeOf reads resCode, which LegacyTokenPath sends as a number: 100 is TOK200, and 2 is TOK002.
func codeOf(resCode any) string {
	switch code := resCode.(type) {
	case string:
		return code
	case json.Number:
		number, err := code.Int64()
		if err != nil {
			return ""
		}
		if number == 100 {
			return "TOK200"
		}
		return fmt.Sprintf("TOK%03d", number)
	}
	return ""
}

// What people write instead of what is meant

// The members, each with other names that people have for it, without case and marks.
const names = `
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
`

func warn(text string) { log.Print(text) }

// meant is the member that an unknown name is probably a misspelling of; else "".
func meant(name string) string {
	plain := strings.Map(func(character rune) rune {
		switch {
		case character == '\u0131':
			return 'i'
		case unicode.IsLetter(character) || unicode.IsNumber(character):
			return unicode.ToLower(character)
		}
		return -1
	}, name)
	found := ""
	for _, line := range strings.Split(strings.TrimSpace(names), "\n") {
		words := strings.Fields(line)
		for _, word := range words {
			if word == name && word == words[0] {
				return ""
			}
			if strings.ToLower(word) == plain {
				found = words[0]
			}
		}
	}
	if name == "firstname" || name == "lastname" {
		return ""
	}
	return found
}

// hint names the first character that cannot stand in a member, or the entry of data that breaks a rule; never the value.
func hint(name string, value any) string {
	entries, _ := value.(map[string]any)
	for key, entry := range entries {
		if text, isText := entry.(string); name == "data" && (!isText || utf8.RuneCountInString(text) > 1024) {
			return fmt.Sprintf(" (%q has no string of at most 1,024 characters)", key)
		}
	}
	text, _ := value.(string)
	position := 0
	for _, character := range text {
		position++
		allowed := !unicode.IsControl(character)
		switch name {
		case "isdCode", "mobileNumber", "accountNumber", "dob":
			isPlus := position == 1 && character == '+' && (name == "isdCode" || name == "mobileNumber")
			allowed = isPlus || character >= '0' && character <= '9'
		case "referenceId":
			allowed = character < utf8.RuneSelf && (unicode.IsLetter(character) || unicode.IsDigit(character)) ||
				strings.ContainsRune("._:-", character)
		case "email", "sdkApiKey", "sdkPublicKey":
			allowed = character >= '!' && character <= '~'
		}
		if !allowed {
			return fmt.Sprintf(" (U+%04X at character %d)", character, position)
		}
	}
	return ""
}

// Errors

// InputError is a fault in the credentials, the URL or the request that was found before anything was sent.
type InputError struct {
	Reason string // names the fault and what to do; never a key
	Err    error
}

func inputError(format string, arguments ...any) error {
	return &InputError{Reason: fmt.Sprintf(format, arguments...)}
}

func (e *InputError) Error() string { return e.Reason }
func (e *InputError) Unwrap() error { return e.Err }

// FieldError names a member of the request, and the rule that it broke.
type FieldError struct{ Field, Reason string }

// RefusedError is the service's answer if it is no success.
type RefusedError struct {
	Code          string // such as TOK400; "" if API Gateway or a proxy answered instead of the service
	HTTPStatus    int
	Description   string // for people
	Errors        []FieldError
	ReferenceID   string        // the request's: repeat the call with it
	RequestID     string        // for the operator
	RetryAfter    time.Duration // 0 if the service asked for none
	Authenticated bool          // it was encrypted. If not, anybody on the way could have written it: take it as a hint

	members map[string]any // what was sent; nil if it was encrypted before
}

// Retryable tells whether the same call, with the same referenceId, may succeed later.
func (e *RefusedError) Retryable() bool { return retryableStatus(e.HTTPStatus) }

func (e *RefusedError) Error() string {
	var text strings.Builder
	fmt.Fprintf(&text, "the token service answered HTTP %d %s", e.HTTPStatus, e.Code)
	if e.Description != "" {
		fmt.Fprintf(&text, " (%q)", e.Description)
	}
	for _, member := range e.Errors {
		fmt.Fprintf(&text, "; %q: %q%s", member.Field, member.Reason, hint(member.Field, e.members[member.Field]))
	}
	fmt.Fprintf(&text, ". %s", e.advice())
	fmt.Fprintf(&text, " [referenceId %q, request %q]", e.ReferenceID, e.RequestID)
	return text.String()
}

func (e *RefusedError) advice() string {
	reason := ""
	if len(e.Errors) > 0 {
		reason = e.Errors[0].Reason
	}
	switch {
	case e.Retryable():
		return "Try again later with the same referenceId"
	case e.Code == "TOK002":
		return "Check apiKey in the credentials (for Renew: sdkApiKey); if it was just issued, try again in a minute; " +
			"else ask the operator"
	case e.Code == "TOK422" && strings.HasPrefix(e.Description, "The body is JSON"):
		return "Send the compact JWE alone, as it is: neither the request's JSON nor JSON with the JWE in it"
	case e.Code == "TOK422":
		return "No payload key on file for you opens this body: check that the credentials are those of this URL, " +
			"and that the service has the first key of payloadKeys (for Renew: that the session key is the token's)"
	case e.Code == "TOK400" && len(e.Errors) == 0:
		return "Correct the JSON as a whole, of which no member is named: docs/errors.md (TOK400) has the usual causes"
	case e.Code == "TOK400":
		return "Correct every member that is named"
	case e.Code == "TOK004":
		return "Check sdkApiKey in the credentials"
	case e.Code == "TOK409" && reason == "reused":
		return "Another request had this referenceId: find out why before you take a new one"
	case e.Code == "TOK409":
		return "The token of this referenceId is no longer valid: ask again under a new referenceId"
	case e.Code == "TOK401" && reason == "superseded":
		return "This token was renewed already: use the newest one of its session"
	case e.Code == "TOK401":
		return "This token cannot be renewed: get a new one under a new referenceId"
	case e.Code == "TOK404" && reason == "unknown":
		return "There is nothing to invalidate: the session has ended, or never was yours"
	case e.Code == "TOK413" || e.HTTPStatus == http.StatusRequestEntityTooLarge:
		return "Send less data"
	case e.Code == "TOK003":
		return "Do not try again in a loop; report it with the request id"
	default:
		return "Check the URL: it ends before " + TokenPath
	}
}

// NoAnswerError says that nothing came back, or not all of it. The call may have had its effect all the same: repeat it
// with the same referenceId.
type NoAnswerError struct {
	ReferenceID string
	Err         error
}

func (e *NoAnswerError) Error() string {
	return fmt.Sprintf("no answer from the token service: %v. Try again with the same referenceId %q", e.Err, e.ReferenceID)
}
func (e *NoAnswerError) Unwrap() error { return e.Err }

// UnreadableAnswerError says that what came is not, or not provably, the service's answer to this call. Do not use it.
type UnreadableAnswerError struct {
	ReferenceID string
	HTTPStatus  int
	RequestID   string
	Err         error
}

func (e *UnreadableAnswerError) Error() string {
	return fmt.Sprintf("the answer (HTTP %d) cannot be read: %v [referenceId %q, request %q]",
		e.HTTPStatus, e.Err, e.ReferenceID, e.RequestID)
}
func (e *UnreadableAnswerError) Unwrap() error { return e.Err }

// Retryable tells whether the same call, with the same referenceId, may succeed later.
func Retryable(err error) bool {
	var none *NoAnswerError
	var refused *RefusedError
	var unreadable *UnreadableAnswerError
	return errors.As(err, &none) ||
		errors.As(err, &refused) && refused.Retryable() ||
		errors.As(err, &unreadable) && retryableStatus(unreadable.HTTPStatus)
}

func retryableStatus(status int) bool {
	return status == 429 || status == 502 || status == 503 || status == 504
}

// Encryption: compact JWE (RFC 7516) with alg dir and enc A256GCM

const ivSize, tagSize = 12, 16

// Encrypt makes the body of a request: plaintext under the first payload key, with a random IV.
func (c *Client) Encrypt(plaintext []byte) string {
	key := c.keys[0]
	header := `{"alg":"dir","enc":"A256GCM"}`
	if !c.OmitKid {
		kid, _ := json.Marshal(key.kid)
		header = `{"alg":"dir","enc":"A256GCM","kid":` + string(kid) + `}`
	}
	return seal(key.aead, header, plaintext)
}

func seal(aead cipher.AEAD, header string, plaintext []byte) string {
	first := encode([]byte(header))
	iv := randomBytes(ivSize)
	sealed := aead.Seal(nil, iv, plaintext, []byte(first))
	ciphertext, tag := sealed[:len(sealed)-tagSize], sealed[len(sealed)-tagSize:]
	// Between header and IV stands the encrypted key, which dir does not have.
	return first + ".." + encode(iv) + "." + encode(ciphertext) + "." + encode(tag)
}

// Decrypt opens an answer's body: with the payload key that it names, or, if it names none, with each in order.
func (c *Client) Decrypt(jwe string) ([]byte, error) { return open(jwe, c.keys) }

func open(jwe string, keys []payloadKey) ([]byte, error) {
	jwe = strings.Trim(jwe, " \t\r\n")
	segments := strings.Split(jwe, ".")
	switch {
	case jwe == "":
		return nil, errors.New("it is empty")
	case jwe[0] == '{':
		return nil, errors.New("it is plain JSON and not encrypted as a compact JWE: nothing vouches for it")
	case jwe[0] == '<':
		return nil, errors.New("it is a web page and no JWE: is the URL the token service's?")
	case strings.ContainsAny(jwe, `"'`+curlyQuotes):
		return nil, errors.New("it has quotes in it, straight or curly: give the JWE alone")
	case len(segments) != 5:
		return nil, fmt.Errorf("it has %d of the 5 segments of a compact JWE: is it cut off?", len(segments))
	}
	parts := make([][]byte, len(segments))
	for i, name := range []string{"header", "encrypted key", "IV", "ciphertext", "tag"} {
		var err error
		if parts[i], err = decode(segments[i]); err != nil {
			return nil, fmt.Errorf("its %s %w", name, err)
		}
	}
	kid, named, err := readHeader(parts[0])
	switch {
	case err != nil:
		return nil, err
	case len(parts[1]) != 0 || len(parts[2]) != ivSize || len(parts[4]) != tagSize:
		return nil, fmt.Errorf("its encrypted key, IV and tag have %d, %d and %d bytes instead of 0, 12 and 16",
			len(parts[1]), len(parts[2]), len(parts[4]))
	}
	known := false
	for _, key := range keys {
		if named && key.kid != kid {
			continue
		}
		known = true
		// The AAD is the header as it came: encoded again it may differ.
		if plaintext, err := key.aead.Open([]byte{}, parts[2], append(parts[3], parts[4]...), []byte(segments[0])); err == nil {
			return plaintext, nil
		}
	}
	if !known {
		return nil, fmt.Errorf("it is encrypted with the payload key %q, which the credentials do not have", kid)
	}
	return nil, errors.New("the key does not open it: it was encrypted with another key, cut off, or changed on its way")
}

func readHeader(text []byte) (kid string, named bool, err error) {
	if len(text) > 1024 {
		return "", false, errors.New("its header is longer than 1,024 bytes")
	}
	header, err := readJSONObject(text)
	if err != nil {
		return "", false, fmt.Errorf("its header is %w", err)
	}
	if header["alg"] != "dir" || header["enc"] != "A256GCM" {
		return "", false, errors.New("its header must say alg dir and enc A256GCM")
	}
	for _, name := range []string{"crit", "zip"} {
		if _, there := header[name]; there {
			return "", false, fmt.Errorf("its header has %s, which is not supported", name)
		}
	}
	value, named := header["kid"]
	kid, text2 := value.(string)
	if named && !text2 {
		return "", false, errors.New("its header's kid is not a string")
	}
	return kid, named, nil
}

// The SDK's side: ECDH-ES of RFC 7518 section 4.6, for tests without the app

// SDKKeyPair is a P-256 key pair as the mobile SDK makes one for each session. In production it never leaves the device.
//
// crypto/ecdh would be shorter, and came with Go 1.20.
type SDKKeyPair struct {
	d    []byte
	x, y *big.Int
}

// NewSDKKeyPair makes a fresh pair.
func NewSDKKeyPair() (*SDKKeyPair, error) {
	d, x, y, err := elliptic.GenerateKey(elliptic.P256(), rand.Reader)
	return &SDKKeyPair{d, x, y}, err
}

// ParseSDKKeyPair reads a private JWK, such as a test's.
func ParseSDKKeyPair(jwk []byte) (*SDKKeyPair, error) {
	x, y, err := readPoint(jwk)
	if err != nil {
		return nil, err
	}
	members, _ := readJSONObject(jwk)
	text, _ := members["d"].(string)
	d, err := decode(text)
	if err != nil || len(d) != 32 {
		return nil, inputError("the SDK's private key has no d of 43 base64url characters")
	}
	if ownX, ownY := elliptic.P256().ScalarBaseMult(d); ownX.Cmp(x) != 0 || ownY.Cmp(y) != 0 {
		return nil, inputError("the SDK's private key d does not belong to its x and y")
	}
	return &SDKKeyPair{d, x, y}, nil
}

// PublicKey is the sdkPublicKey member of the request.
func (p *SDKKeyPair) PublicKey() string {
	x, y := encode(p.x.FillBytes(make([]byte, 32))), encode(p.y.FillBytes(make([]byte, 32)))
	return encode([]byte(`{"kty":"EC","crv":"P-256","x":"` + x + `","y":"` + y + `"}`))
}

// SessionKey derives the 32 bytes that the SDK and the service share, from the answer's ServerPubKey.
func (p *SDKKeyPair) SessionKey(serverPubKey string) ([]byte, error) {
	jwk, err := decode(serverPubKey)
	if err != nil {
		return nil, inputError("serverPubKey %v", err)
	}
	x, y, err := readPoint(jwk)
	if err != nil {
		return nil, err
	}
	z, _ := elliptic.P256().ScalarMult(x, y, p.d)
	// Concat KDF, one round: 1 || Z || length and name of the algorithm || no apu || no apv || 256 bits.
	input := binary.BigEndian.AppendUint32(nil, 1)
	input = append(input, z.FillBytes(make([]byte, 32))...)
	input = append(binary.BigEndian.AppendUint32(input, 7), "A256GCM"...)
	input = binary.BigEndian.AppendUint32(input, 0)
	input = binary.BigEndian.AppendUint32(input, 0)
	input = binary.BigEndian.AppendUint32(input, 256)
	key := sha256.Sum256(input)
	return key[:], nil
}

func readPoint(jwk []byte) (x, y *big.Int, err error) {
	members, err := readJSONObject(jwk)
	if err != nil {
		return nil, nil, inputError("the public key is %v", err)
	}
	if members["kty"] != "EC" || members["crv"] != "P-256" {
		return nil, nil, inputError("the public key's kty and crv must be EC and P-256")
	}
	coordinates := [2]*big.Int{}
	for i, name := range []string{"x", "y"} {
		text, _ := members[name].(string)
		data, err := decode(text)
		if err != nil || len(data) != 32 {
			return nil, nil, inputError("the public key's %s must be 43 base64url characters, 32 bytes", name)
		}
		coordinates[i] = new(big.Int).SetBytes(data)
	}
	if !elliptic.P256().IsOnCurve(coordinates[0], coordinates[1]) {
		return nil, nil, inputError("the public key's x and y are no point of P-256")
	}
	return coordinates[0], coordinates[1], nil
}

// Reading what people wrote

const curlyQuotes = "“”„‟‘’‚‛«»"

var (
	hexKey     = regexp.MustCompile(`^[0-9A-Fa-f]{64}$`)
	standard64 = regexp.MustCompile(`^[A-Za-z0-9+/]+=*$`)
)

func payloadKeys(set any) ([]payloadKey, error) {
	object, _ := set.(map[string]any)
	list, _ := object["keys"].([]any)
	if len(list) == 0 {
		return nil, inputError(`payloadKeys must be a JWK Set, {"keys":[...]}, of at least one key, the newest first`)
	}
	keys := []payloadKey{}
	seen := map[string]bool{}
	for i, item := range list {
		at := fmt.Sprintf("payloadKeys.keys[%d]", i)
		jwk, _ := item.(map[string]any)
		if jwk["kty"] != "oct" {
			return nil, inputError(`%s.kty must be "oct"`, at)
		}
		kid, err := visibleText(jwk["kid"])
		if err != nil {
			return nil, inputError("%s.kid %v", at, err)
		}
		if seen[kid] {
			return nil, inputError("%s.kid is that of another key too", at)
		}
		seen[kid] = true
		k, _ := jwk["k"].(string)
		data, err := keyBytes(k)
		if err != nil {
			return nil, inputError("%s.k (kid %s) %v", at, kid, err)
		}
		aead, err := newGCM(data)
		if err != nil {
			return nil, inputError("%s.k (kid %s) cannot be used: %v", at, kid, err)
		}
		keys = append(keys, payloadKey{kid, aead})
	}
	return keys, nil
}

func newGCM(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCM(block)
}

// keyBytes decodes a payload key, or says what is wrong with its text without showing it.
func keyBytes(k string) ([]byte, error) {
	switch {
	case k == "":
		return nil, errors.New("must be a string: the key's 32 bytes in base64url")
	case strings.ContainsAny(k, `"'`+curlyQuotes):
		return nil, errors.New("has quotes in it, straight or curly, as from a document: copy the 43 characters between them")
	case strings.HasPrefix(k, "-----BEGIN"):
		return nil, errors.New("is PEM: write the key's 32 bytes in base64url")
	case strings.IndexFunc(k, unicode.IsSpace) >= 0:
		return nil, errors.New("has white space or a line break in it: it is 43 characters without any")
	case hexKey.MatchString(k):
		return nil, errors.New("is hex: write the same 32 bytes in base64url, which takes 43 characters")
	case strings.ContainsAny(k, "+/=") && standard64.MatchString(k):
		return nil, errors.New("is standard base64: for base64url write - for +, _ for /, and leave out =")
	}
	data, err := decode(k)
	if len(k) != 43 {
		return nil, fmt.Errorf("has %d characters, some %d bits: A256GCM needs 256 bits, which are 43 characters of base64url. "+
			"Is it cut off, or not encoded?", len(k), len(k)*6/8*8)
	}
	return data, err
}

// visibleText is a string of printable ASCII without spaces, as keys and names are.
func visibleText(value any) (string, error) {
	text, _ := value.(string)
	if text == "" {
		return "", errors.New("is missing, or no string")
	}
	for i, character := range []rune(text) {
		switch {
		case strings.ContainsRune(curlyQuotes, character):
			return "", errors.New("has a curly quote in it, as from a document: copy what stands between the quotes")
		case character <= ' ' || character > '~':
			return "", fmt.Errorf("has the character U+%04X at position %d, where only visible ASCII can stand", character, i+1)
		}
	}
	return text, nil
}

func serviceURL(text string) (string, error) {
	parsed, err := url.Parse(text)
	switch {
	case text == "":
		return "", inputError("there is no URL: give one, or put it into the credentials as url")
	case err != nil || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "":
		return "", inputError("the URL must be like https://api.example.com/prod")
	case strings.Contains(parsed.Path, "/token-service/"):
		return "", inputError("the URL must end before /token-service/...: the client adds the path")
	case parsed.Scheme == "https" || parsed.Scheme == "http" && isLoopback(parsed.Hostname()):
		return strings.TrimRight(text, "/"), nil
	}
	return "", inputError("the URL must begin with https://, as your API key is sent there; http:// is for this machine only")
}

func isLoopback(host string) bool {
	return host == "localhost" || net.ParseIP(host).IsLoopback()
}

func defaultHTTP() *http.Client {
	return &http.Client{
		Timeout:       30 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// readJSONObject is stricter than encoding/json: it refuses bytes that are not UTF-8 and members that are repeated.
func readJSONObject(text []byte) (map[string]any, error) {
	if !utf8.Valid(text) {
		return nil, errors.New("not UTF-8")
	}
	if err := json.Unmarshal(text, new(any)); err != nil {
		return nil, fmt.Errorf("not JSON: %w", located(err, text))
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	value, err := readJSON(decoder)
	if err != nil {
		return nil, err
	}
	object, ok := value.(map[string]any)
	if !ok {
		return nil, errors.New("not a JSON object")
	}
	return object, nil
}

func readJSON(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('{'):
		object := map[string]any{}
		for decoder.More() {
			name, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			if _, repeated := object[name.(string)]; repeated {
				return nil, fmt.Errorf("not valid: the member %q is there twice", name)
			}
			if object[name.(string)], err = readJSON(decoder); err != nil {
				return nil, err
			}
		}
		_, err = decoder.Token()
		return object, err
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			item, err := readJSON(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, item)
		}
		_, err = decoder.Token()
		return list, err
	}
	return token, nil
}

// located adds line and column to a syntax error.
func located(err error, text []byte) error {
	var syntax *json.SyntaxError
	if !errors.As(err, &syntax) {
		return err
	}
	before := text[:syntax.Offset]
	if syntax.Offset > 0 {
		before = text[:syntax.Offset-1] // the offset is behind the character that is wrong
	}
	line := bytes.Count(before, []byte("\n")) + 1
	column := utf8.RuneCount(before[bytes.LastIndexByte(before, '\n')+1:]) + 1
	if found, _ := utf8.DecodeRune(text[len(before):]); strings.ContainsRune(curlyQuotes, found) {
		return fmt.Errorf(`line %d, column %d: a curly quote, as from a document, where a straight one (") is due`, line, column)
	}
	return fmt.Errorf("line %d, column %d: %w", line, column, err)
}

// decode reads canonical base64url without padding.
func decode(text string) ([]byte, error) {
	data, err := base64.RawURLEncoding.DecodeString(text)
	// Encoded again it must be the same: the decoder skips line breaks, and takes a last character with stray bits.
	if err != nil || encode(data) != text {
		return nil, errors.New("is not base64url without padding: is it cut off, or changed?")
	}
	return data, nil
}

func encode(data []byte) string { return base64.RawURLEncoding.EncodeToString(data) }

func randomBytes(size int) []byte {
	data := make([]byte, size)
	if _, err := rand.Read(data); err != nil {
		panic("the system has no random numbers: " + err.Error())
	}
	return data
}

func randomUUID() string {
	id := randomBytes(16)
	id[6], id[8] = id[6]&0x0f|0x40, id[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", id[:4], id[4:6], id[6:8], id[8:10], id[10:])
}
