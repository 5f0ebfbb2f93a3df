// For the check program beside the client. Your own module needs tokenclient.go alone.
module example.com/tokenclient

go 1.19
