/* SPDX-License-Identifier: MIT */
/*
 * usage: loaded LIBRARY
 *
 * The library as a plug-in gets it: by dlopen(3), after the program's start,
 * used in a thread that outlives the last dlclose(3). Again and again, which
 * must not take more memory each time.
 */
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <shmipc.h>

#define ROUNDS 50

static const char *library;

#define FUNCTION(handle, name) ((__typeof__(&name))find(handle, #name))

static _Noreturn void give_up(const char *what, const char *why)
{
	fprintf(stderr, "loaded: %s: %s\n", what, why);
	exit(1);
}

static void *find(void *handle, const char *name)
{
	void *symbol = dlsym(handle, name);

	if (!symbol)
		give_up(name, dlerror());
	return symbol;
}

static void use(void *handle)
{
	const char *(*errmsg)(void) = FUNCTION(handle, shmipc_errmsg);
	struct shmipc_shm *shm;
	struct shmipc *ipc;
	char name[32];

	snprintf(name, sizeof(name), "loaded.%d", (int)getpid());
	if (FUNCTION(handle, shmipc_open)(&ipc, NULL) < 0 ||
	    FUNCTION(handle, shmipc_shm_open)(ipc, &shm, name, 1, SHMIPC_CREATE,
					      0600) < 0 ||
	    FUNCTION(handle, shmipc_shm_unlink)(ipc, name) < 0 ||
	    FUNCTION(handle, shmipc_shm_lock)(shm, NULL) < 0 ||
	    FUNCTION(handle, shmipc_shm_unlock)(shm) < 0 ||
	    FUNCTION(handle, shmipc_shm_close)(shm) < 0)
		give_up("a call", errmsg());
	if (FUNCTION(handle, shmipc_shm_open)(ipc, &shm, "", 1, 0, 0) == 0 ||
	    !strstr(errmsg(), "name"))
		give_up("a bad name", errmsg());
	FUNCTION(handle, shmipc_close)(ipc);
}

static void *load(void *unused)
{
	void *handle = dlopen(library, RTLD_NOW | RTLD_LOCAL);

	(void)unused;
	if (!handle)
		give_up("dlopen", dlerror());
	use(handle);
	dlclose(handle);
	return NULL;
}

static int count_mappings(void)
{
	FILE *maps = fopen("/proc/self/maps", "re");
	int c, lines = 0;

	if (!maps)
		give_up("/proc/self/maps", "cannot be read");
	while ((c = getc(maps)) != EOF)
		lines += c == '\n';
	fclose(maps);
	return lines;
}

int main(int argc, char **argv)
{
	int before = 0, after;

	if (argc != 2)
		give_up("usage", "loaded LIBRARY");
	library = argv[1];
	for (int round = 0; round < ROUNDS; round++) {
		pthread_t thread;

		if (pthread_create(&thread, NULL, load, NULL) ||
		    pthread_join(thread, NULL))
			give_up("a thread", "cannot be had");
		if (round == ROUNDS / 2)
			before = count_mappings();
	}
	after = count_mappings();
	if (after > before)
		give_up("memory", "each time it takes more");
	printf("loaded: %d times, %d mappings, then %d\n", ROUNDS, before,
	       after);
	return 0;
}
