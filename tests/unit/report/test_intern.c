#include "scene.h"

#include <stdio.h>

static void names(void **state)
{
	struct intern in;
	char text_a[] = "main.a", same[] = "main.a";
	struct gotrace_str a = {text_a, 6}, b = {same, 6}, empty = {"", 0};
	uint32_t id;

	(void)state;
	assert_int_equal(intern_init(&in), 0);
	id = intern_name(&in, a);
	assert_true(id > 0);
	assert_int_equal(intern_name(&in, b), id);
	assert_int_equal(intern_text(&in, "main.a"), id);
	assert_int_equal(intern_name(&in, empty), 0);
	assert_string_equal(intern_get(&in, id), "main.a");
	assert_string_equal(intern_get(&in, 0), "");
	assert_string_equal(intern_get(&in, 12345), "");
	/* The same address in another generation is another text. */
	memcpy(text_a, "main.z", 6);
	intern_forget(&in);
	assert_int_not_equal(intern_name(&in, a), id);
	assert_string_equal(intern_get(&in, id), "main.a");
	intern_done(&in);
}

static void stacks(void **state)
{
	struct intern in;
	struct gotrace_frame f = {.pc = 5, .line = 7, .func = {"main.f", 6}, .file = {"f.go", 4}};
	struct gotrace_frame root = {
		.pc = 9, .line = 1, .func = {"main.go", 7}, .file = {"f.go", 4}};
	const struct gotrace_frame *fs[] = {&f, &root};
	struct gotrace_stack s = {.id = 3, .hash = 99, .cnt = 2, .frames = fs};
	uint32_t id;

	(void)state;
	assert_int_equal(intern_init(&in), 0);
	id = intern_stack(&in, &s);
	assert_true(id > 0);
	s.id = 4; /* of the next generation */
	assert_int_equal(intern_stack(&in, &s), id);
	assert_int_equal(intern_stack(&in, NULL), 0);
	assert_int_equal(intern_get_stack(&in, 0)->cnt, 0);
	assert_int_equal(intern_get_stack(&in, id)->cnt, 2);
	assert_int_equal(intern_get_stack(&in, id)->frames[0]->line, 7);
	assert_int_equal(intern_get_stack(&in, id)->frames[1]->pc, 9);
	assert_string_equal(intern_get(&in, intern_root(&in, &s)), "main.go");
	assert_int_equal(intern_root(&in, NULL), 0);
	intern_done(&in);
}

/* Beyond the limit all is "(other)", and what was there stays. */
static void limit(void **state)
{
	struct intern in;
	char name[1024];
	uint32_t first, id = 0;

	(void)state;
	assert_int_equal(intern_init(&in), 0);
	first = intern_text(&in, "first");
	for (unsigned i = 0; !in.over && i < 100000; i++) {
		snprintf(name, sizeof(name), "%01000u", i);
		id = intern_text(&in, name);
	}
	assert_string_equal(intern_get(&in, id), "(other)");
	assert_int_equal(in.over, 1);
	assert_false(in.failed);
	assert_int_equal(intern_text(&in, "first"), first);
	intern_done(&in);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names),
		cmocka_unit_test(stacks),
		cmocka_unit_test(limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
