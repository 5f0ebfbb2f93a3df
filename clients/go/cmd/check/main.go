// Check runs tokenclient against the published vectors and the common table of cases.
//
//	check --url URL --credentials FILE --vectors DIR --cases FILE [--server-keys FILE]
//
// It prints a line a check, and exits with 1 if one failed.
package main

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
)

func main() {
	url := flag.String("url", "", "the service's `URL`")
	credentials := flag.String("credentials", "", "the partner's credentials `file`")
	vectors := flag.String("vectors", "", "the `directory` of the vectors")
	cases := flag.String("cases", "", "the `file` with the table of cases")
	serverKeys := flag.String("server-keys", "", "the service's keys: a `file`, to open tokens with")
	flag.Parse()

	report := &report{}
	checkVectors(report, *vectors)
	checkTable(report, *url, *credentials, *cases, *serverKeys)
	fmt.Printf("%d passed, %d failed\n", report.passed, report.failed)
	if report.failed > 0 || report.passed == 0 {
		os.Exit(1)
	}
}

// report counts checks and prints a line for each.
type report struct{ passed, failed int }

// check says what came of one: fault is "" if it holds.
func (r *report) check(name, fault string) {
	if fault == "" {
		r.passed++
		fmt.Println("ok     " + name)
		return
	}
	r.failed++
	fmt.Println("FAILED " + name + ": " + fault)
}

// readFile reads a JSON file of the project, or ends the program.
func readFile(path string, into any) {
	text, err := os.ReadFile(path)
	if err == nil {
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		err = decoder.Decode(into)
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "%s cannot be read: %v\n", path, err)
		os.Exit(2)
	}
}
