/* validate.c - the sub-command alone. */
#include "cmd/validate.h"

int main(int argc, char **argv)
{
	return cmd_validate(argc, argv);
}
