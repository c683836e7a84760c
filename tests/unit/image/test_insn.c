/* insn: what counts as an emulated instruction, operands, targets; arm64's fixed-width forms. */
#include "unit/image/fixture.h"

#include "image/insn.h"

static struct insn one(const char *bytes, size_t len)
{
	struct insn_cur c;
	struct insn i;

	insn_begin(&c, false, (const uint8_t *)bytes, len, 0x1000);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.len, len);
	assert_int_equal(insn_next(&c, &i), 0);
	insn_begin(&c, false, (const uint8_t *)bytes, len, 0x1000);
	assert_int_equal(insn_next(&c, &i), 1);
	return i;
}

#define ONE(bytes) one(bytes, sizeof(bytes) - 1)

static void test_amd64_ops(void **state)
{
	(void)state;
	assert_int_equal(ONE("\x55").op, INSN_PUSH);
	assert_int_equal(ONE("\x41\x57").op, INSN_PUSH);
	assert_int_equal(ONE("\x55").sp_delta, -8);
	assert_int_equal(ONE("\xe8\x10\x00\x00\x00").op, INSN_CALL);
	assert_int_equal(ONE("\xe8\x10\x00\x00\x00").target, 0x1015);
	assert_int_equal(ONE("\xe9\xfb\xff\xff\xff").op, INSN_JMP);
	assert_int_equal(ONE("\xe9\xfb\xff\xff\xff").target, 0x1000);
	assert_int_equal(ONE("\xeb\x02").op, INSN_JMP);
	assert_int_equal(ONE("\x76\xfe").op, INSN_JCC);
	assert_int_equal(ONE("\x76\xfe").target, 0x1000);
	assert_int_equal(ONE("\x0f\x86\x00\x01\x00\x00").op, INSN_JCC);
	assert_int_equal(ONE("\x90").op, INSN_NOP1);
	assert_int_equal(ONE("\x0f\x1f\x44\x00\x00").op, INSN_NOP5);
	assert_int_equal(ONE("\xc3").op, INSN_RET);
	assert_int_equal(ONE("\xff\xe0").op, INSN_JMP_IND);
	assert_int_equal(ONE("\xff\xd1").op, INSN_CALL_IND);
}

/* Look-alikes that kernels would single-step: never a name that makes a site (N2). */
static void test_amd64_stepped(void **state)
{
	(void)state;
	assert_int_equal(ONE("\x66\x90").op, INSN_OTHER);	      /* two-byte nop */
	assert_int_equal(ONE("\xf3\x90").op, INSN_OTHER);	      /* pause */
	assert_int_equal(ONE("\x0f\x1f\x00").op, INSN_OTHER);	      /* three-byte nop */
	assert_int_equal(ONE("\x0f\x1f\x44\x00\x01").op, INSN_OTHER); /* another five bytes */
	assert_int_equal(ONE("\x68\x01\x00\x00\x00").op, INSN_OTHER); /* push imm */
	assert_int_equal(ONE("\xff\x75\x00").op, INSN_OTHER);	      /* push mem */
	assert_int_equal(ONE("\x48\x55").op, INSN_OTHER);	      /* push with an idle REX */
	assert_true(ONE("\xe3\x02").prefixed);			      /* jrcxz */
	assert_true(ONE("\xe2\x02").prefixed);			      /* loop */
	assert_true(ONE("\xf2\xe9\x00\x00\x00\x00").prefixed);	      /* bnd jmp */
	assert_true(ONE("\xf2\x76\x02").prefixed);		      /* bnd jbe */
}

static void test_amd64_operands(void **state)
{
	struct insn i;

	(void)state;
	i = ONE("\x48\x8b\x0d\x10\x00\x00\x00"); /* mov 0x10(%rip),%rcx */
	assert_int_equal(i.op, INSN_LOAD);
	assert_int_equal(i.target, 0x1017);
	assert_int_equal(i.mem_len, 8);
	assert_int_equal(i.dst, INSN_CX);
	assert_int_equal(i.written, 1 << INSN_CX);
	i = ONE("\x8b\x15\xf9\xff\xff\xff"); /* mov -7(%rip),%edx */
	assert_int_equal(i.mem_len, 4);
	assert_int_equal(i.target, 0xfff);
	i = ONE("\x48\x8d\x05\x00\x00\x00\x00"); /* lea 0(%rip),%rax */
	assert_int_equal(i.op, INSN_LEA);
	assert_int_equal(i.dst, INSN_AX);
	i = ONE("\x83\x3d\x00\x01\x00\x00\x00"); /* cmpl $0,0x100(%rip) */
	assert_int_equal(i.op, INSN_CMP0);
	assert_int_equal(i.target, 0x1107);
	assert_int_equal(i.mem_len, 4);
	assert_int_equal(ONE("\x83\x3d\x00\x01\x00\x00\x01").op, INSN_OTHER); /* $1 */
	i = ONE("\x80\x3d\x00\x01\x00\x00\x00");			      /* cmpb $0 */
	assert_int_equal(i.mem_len, 1);
	i = ONE("\x48\x83\xb8\xd0\x00\x00\x00\x00"); /* cmpq $0,0xd0(%rax) */
	assert_int_equal(i.op, INSN_CMP0);
	assert_false(i.rip);
	assert_int_equal(i.base, INSN_AX);
	assert_int_equal(i.disp, 0xd0);
	i = ONE("\x48\x89\xc3"); /* mov %rax,%rbx */
	assert_int_equal(i.op, INSN_MOV);
	assert_int_equal(i.dst, INSN_BX);
	assert_int_equal(i.src, INSN_AX);
	assert_int_equal(ONE("\x48\x83\xec\x18").sp_delta, -0x18);
	assert_int_equal(ONE("\x31\xff").written, 1 << INSN_DI); /* xor %edi,%edi */
	assert_int_equal(ONE("\x84\x00").written, 0);		 /* test %al,(%rax) */
	assert_true(ONE("\x49\x3b\x66\x10").stack_check);	 /* cmp 0x10(%r14),%rsp */
	assert_true(ONE("\x49\x3b\x66\x18").stack_check);
	assert_false(ONE("\x49\x3b\x66\x20").stack_check);
	assert_true(ONE("\x4c\x8d\x64\x24\x80").stack_check); /* lea -0x80(%rsp),%r12 */
}

static void test_bounds(void **state)
{
	static const uint8_t call[] = {0xe8, 1, 2, 3, 4};
	struct insn_cur c;
	struct insn i;

	(void)state;
	for (size_t len = 1; len < sizeof(call); len++) {
		uint8_t *p = malloc(len); /* exact: a read behind it is seen */

		memcpy(p, call, len);
		insn_begin(&c, false, p, len, 0);
		assert_int_equal(insn_next(&c, &i), -EBADMSG);
		insn_begin(&c, true, p, len, 0);
		if (len < 4)
			assert_int_equal(insn_next(&c, &i), -EBADMSG);
		free(p);
	}
	insn_begin(&c, false, call, 0, 0);
	assert_int_equal(insn_next(&c, &i), 0);
}

static struct insn arm(uint32_t w)
{
	struct insn_cur c;
	struct insn i;

	insn_begin(&c, true, (const uint8_t *)&w, 4, 0x10000);
	assert_int_equal(insn_next(&c, &i), 1);
	return i;
}

static void test_arm64(void **state)
{
	static const uint32_t adrp_ldr[] = {0xb0000b7b, 0xb988ff63, 0xb988ff63};
	static const uint32_t adrp_add[] = {0xb0000bc1, 0x91288021, 0xc8dffc21, 0xd63f0020,
					    0xf9400001};
	struct insn_cur c;
	struct insn i;

	(void)state;
	assert_int_equal(arm(0x94000002).op, INSN_CALL);
	assert_int_equal(arm(0x94000002).target, 0x10008);
	assert_int_equal(arm(0x97ffffff).target, 0xfffc);
	assert_int_equal(arm(0x14000001).op, INSN_JMP);
	assert_int_equal(arm(0x54000fe9).op, INSN_JCC);
	assert_int_equal(arm(0x54000fe9).target, 0x10000 + 127 * 4);
	assert_int_equal(arm(0x36000146).op, INSN_JCC); /* tbz, 10 words on */
	assert_int_equal(arm(0x36000146).target, 0x10028);
	assert_int_equal(arm(0xb5ffffbb).target, 0x10000 - 3 * 4 + 0); /* cbnz */
	assert_int_equal(arm(0xd503201f).op, INSN_NOP1);
	assert_int_equal(arm(0xd65f03c0).op, INSN_RET);
	assert_int_equal(arm(0xf9002fe0).written, 0); /* str x0: writes no register */
	assert_int_equal(arm(0xf9401b85).written, 1 << 5);
	i = arm(0xaa0003e1); /* mov x1,x0 */
	assert_int_equal(i.op, INSN_MOV);
	assert_int_equal(i.dst, 1);
	assert_int_equal(i.src, 0);

	/* adrp x27; ldrsw x3,[x27,#2300] (Go 1.22 procresize); the register stays known. */
	insn_begin(&c, true, (const uint8_t *)adrp_ldr, sizeof(adrp_ldr), 0x5213c);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_LOAD);
	assert_int_equal(i.mem_len, 4);
	assert_int_equal(i.target, 0x52000 + 1495040 + 2300);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_LOAD);

	/* adrp x1; add x1; ldar x1,[x1]; blr x1: nothing is known behind it. */
	insn_begin(&c, true, (const uint8_t *)adrp_add, sizeof(adrp_add), 0x46b50);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_LEA);
	assert_int_equal(i.target, 0x46000 + 1544192 + 2592);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_LOAD);
	assert_int_equal(i.target, 0x46000 + 1544192 + 2592);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_CALL_IND);
	assert_int_equal(c.known, 0);
	assert_int_equal(insn_next(&c, &i), 1);
	assert_int_equal(i.op, INSN_OTHER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_amd64_ops),      cmocka_unit_test(test_amd64_stepped),
		cmocka_unit_test(test_amd64_operands), cmocka_unit_test(test_bounds),
		cmocka_unit_test(test_arm64),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
