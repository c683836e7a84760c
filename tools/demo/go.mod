module gotrace-bpf/tools/demo

go 1.21
