/* validate.h - gotrace-bpf validate FILE: is this trace lawful, and what is in it? */
#ifndef CMD_VALIDATE_H
#define CMD_VALIDATE_H

/* argv[0] is "validate". The exit status: 0 lawful, 1 not or unreadable, 2 usage. */
int cmd_validate(int argc, char **argv);

#endif
