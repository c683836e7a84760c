/* Calls the library for ever: linked to it, or given its path, loading it. */
#include <dlfcn.h>
#include <stdlib.h>

#ifdef LINKED
extern int work(int n);
#endif

int main(int argc, char **argv)
{
#ifndef LINKED
	void *lib = dlopen(argc > 1 ? argv[1] : "", RTLD_NOW);
	int (*work)(int) = lib ? (int (*)(int))dlsym(lib, "work") : NULL;

	if (!work)
		return 1;
#endif
	(void)argc;
	(void)argv;
	for (;;)
		work(20);
}
