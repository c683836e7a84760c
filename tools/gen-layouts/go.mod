module gen-layouts

go 1.22
