module gotrace-bpf/tests/report

go 1.26.0

require (
	github.com/google/pprof v0.0.0-20250403155104-27863c87afa6
	golang.org/x/exp v0.0.0-20260908205506-85c1c2202aba
)
