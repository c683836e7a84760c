/* check.h - would a recording work, and what would it show? */
#ifndef CMD_CHECK_H
#define CMD_CHECK_H

#define CHECK_USAGE "usage: gotrace-bpf check -p PID, or check BINARY"

/* argv[0] is "check"; 0 only if a recording would work (of a BINARY: if its hooks are all found). */
int cmd_check(int argc, char **argv);

#endif
