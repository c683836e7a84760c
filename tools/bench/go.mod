module gotrace-bpf/tools/bench

go 1.21
