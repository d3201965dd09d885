/* sluice check: exit status and what is printed. */
#include <unistd.h>

#include "../check.h"
#include "base/buf.h"
#include "cli/commands.h"

static char dir[] = "/tmp/sluice-check-XXXXXX";
static char path[64];

static int make_dir(void **state)
{
    if (!mkdtemp(dir))
        return -1;
    snprintf(path, sizeof path, "%s/c.yaml", dir);
    return 0;
}

static int remove_dir(void **state)
{
    unlink(path);
    return rmdir(dir);
}

static void write_config(const char *text)
{
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* Runs cmd_check with stdout in out; returns its status. */
static int run(struct buf *out, char **argv)
{
    int argc = 0, kept = dup(1);
    FILE *to = tmpfile();
    while (argv[argc])
        argc++;
    fflush(stdout);
    dup2(fileno(to), 1);
    int status = cmd_check(argc, argv);
    fflush(stdout);
    dup2(kept, 1);
    close(kept);
    rewind(to);
    buf_clear(out);
    out->n = fread(buf_room(out, 1 << 20), 1, 1 << 20, to);
    fclose(to);
    return status;
}

static void printed(void **state)
{
    static const struct {
        const char *config;
        const char *flag;
        int status;
        const char *parts[5];
    } cases[] = {
        { "model_list:\n- {model_name: a, litellm_params: {model: ollama/x, temperature: 0}}\n"
          "general_settings: {telemetry: false, alerting: [slack]}\n"
          "litellm_settings: {success_callback: [x]}\n",
          "",
          0,
          { "1 model is served: a",
            "c.yaml:3:48: warning: general_settings.alerting: not supported",
            "honoured: model_list", "sent to the models: temperature", "0 errors, 2 warnings" } },
        { "model_list:\n- {model_name: a, litellm_params: {model: ollama/x, temperature: 0}}\n"
          "general_settings: {alerting: [slack]}\n",
          "--strict",
          1,
          { "0 errors, 1 warning" } },
        { "model_list:\n- {model_name: a, litellm_params: {}}\n- {model_name: b, litellm_params: "
          "{model: ollama/b}}\n",
          "--quiet",
          1,
          { "1 model is served: b",
            "c.yaml:2:35: error: model_list[0].litellm_params.model: missing",
            "1 error, 0 warnings" } },
        { "model_list:\n- {model_name: openai/*, litellm_params: {model: openai/*, api_key: k}}\n",
          "",
          0,
          { "0 models are served", "and what fits: openai/*", "0 errors, 0 warnings" } },
        { "model_list:\n- {model_name: a, litellm_params: {model: bedrock/x}}\n",
          "",
          1,
          { "0 models are served", "not served yet", "1 error" } },
        { "a: [\n", "", 1, { "c.yaml:2:1: error:", "1 error" } },
    };
    struct buf out;
    buf_init(&out, 1 << 21);
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char cmd[] = "check";
        char flag[16];
        snprintf(flag, sizeof flag, "%s", cases[i].flag);
        char *argv[] = { cmd, path, *flag ? flag : NULL, NULL };
        write_config(cases[i].config);
        int status = run(&out, argv);
        if (status != cases[i].status)
            fail_msg("case %zu: status %d\n%.*s", i, status, STRF(buf_str(&out)));
        for (size_t k = 0; k < 5 && cases[i].parts[k]; k++)
            if (!str_contains(buf_str(&out), str_c(cases[i].parts[k])))
                fail_msg("case %zu: no \"%s\" in\n%.*s", i, cases[i].parts[k], STRF(buf_str(&out)));
    }
    buf_done(&out);
}

static void key_table(void **state)
{
    char cmd[] = "check", flag[] = "--print-keys";
    char *argv[] = { cmd, flag, NULL };
    struct buf out;
    buf_init(&out, 1 << 21);
    assert_int_equal(run(&out, argv), 0);
    assert_true(str_contains(buf_str(&out), S("| `api_base` | text |")));
    buf_done(&out);
}

static void no_secrets(void **state)
{
    char cmd[] = "check";
    char *argv[] = { cmd, path, NULL };
    struct buf out;
    buf_init(&out, 1 << 21);
    write_config("model_list:\n- model_name: a\n  litellm_params: {model: openai/x, api_key: "
                 "\"sk-very secret\"}\n"
                 "- model_name: b\n  litellm_params: {model: openai/x, api_key: [sk-very-secret]}\n"
                 "general_settings: {master_key: {sk-very-secret: 1}}\n");
    assert_int_equal(run(&out, argv), 1);
    if (str_contains(buf_str(&out), S("sk-very")))
        fail_msg("%.*s", STRF(buf_str(&out)));
    buf_done(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(printed),
        cmocka_unit_test(key_table),
        cmocka_unit_test(no_secrets),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
