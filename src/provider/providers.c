#include "provider/provider.h"

/* One row per vendor, in rough order of use. Variables and bases are LiteLLM's, but where a vendor
 * has moved since; quirks are from the vendors' references. Where path_if_bare is NULL, a base
 * without a path gets the default base's. */

/* Most vendors: the names of two years ago. */
#define OLD_NAMES (QUIRK_MAX_TOKENS | QUIRK_NO_DEVELOPER)

/* PREFIX, label, base, variable's stem, quirks: Bearer, X_API_KEY, X_API_BASE. */
#define COMPATIBLE(prefix_, label_, base_, stem, quirks_)                                   \
    {                                                                                       \
        .prefix = prefix_, .label = label_, .dialect = DIALECT_OPENAI_CHAT, .base = base_,  \
        .key_env = { stem "_API_KEY" }, .base_env = { stem "_API_BASE" }, .quirks = quirks_ \
    }

/* The same on one's own machine: no key needed. */
#define LOCAL(prefix_, label_, base_, bare, stem, quirks_)                                 \
    {                                                                                      \
        .prefix = prefix_, .label = label_, .dialect = DIALECT_OPENAI_CHAT, .base = base_, \
        .path_if_bare = bare, .key_optional = true, .key_env = { stem "_API_KEY" },        \
        .base_env = { stem "_API_BASE" }, .quirks = quirks_                                \
    }

#define OPENAI(prefix_)                                                                        \
    {                                                                                          \
        .prefix = prefix_, .label = "OpenAI", .dialect = DIALECT_OPENAI_CHAT,                  \
        .base = "https://api.openai.com/v1", .path_if_bare = "/v1",                            \
        .key_env = { "OPENAI_API_KEY" }, .base_env = { "OPENAI_BASE_URL", "OPENAI_API_BASE" }, \
        .realtime = true, .quirks = QUIRK_OPENAI                                               \
    }

#define COHERE(prefix_)                                                                  \
    {                                                                                    \
        .prefix = prefix_, .label = "Cohere", .dialect = DIALECT_COHERE,                 \
        .base = "https://api.cohere.com", .key_env = { "COHERE_API_KEY", "CO_API_KEY" }, \
        .base_env = {                                                                    \
            "COHERE_API_BASE"                                                            \
        }                                                                                \
    }

#define OLLAMA(prefix_)                                                                          \
    {                                                                                            \
        .prefix = prefix_, .label = "Ollama", .dialect = DIALECT_OLLAMA,                         \
        .base = "http://localhost:11434", .key_optional = true, .key_env = { "OLLAMA_API_KEY" }, \
        .base_env = {                                                                            \
            "OLLAMA_API_BASE"                                                                    \
        }                                                                                        \
    }

#define LATER(prefix_, label_, text)                      \
    {                                                     \
        .prefix = prefix_, .label = label_, .later = text \
    }

#define OWN_FORMAT "its own wire format comes with a later version"

const struct provider providers[] = {
    OPENAI("openai"),
    { .prefix = "openai/responses", /* provider_resolve looks for it in openai's models */
      .label = "OpenAI",
      .dialect = DIALECT_OPENAI_RESPONSES,
      .base = "https://api.openai.com/v1",
      .path_if_bare = "/v1",
      .key_env = { "OPENAI_API_KEY" },
      .base_env = { "OPENAI_BASE_URL", "OPENAI_API_BASE" },
      .realtime = true,
      .quirks = QUIRK_OPENAI },
    { .prefix = "anthropic",
      .label = "Anthropic",
      .dialect = DIALECT_ANTHROPIC,
      .base = "https://api.anthropic.com",
      .auth = AUTH_X_API_KEY,
      .key_env = { "ANTHROPIC_API_KEY" },
      .base_env = { "ANTHROPIC_API_BASE", "ANTHROPIC_BASE_URL" } },
    { .prefix = "gemini",
      .label = "Gemini",
      .dialect = DIALECT_GEMINI,
      .base = "https://generativelanguage.googleapis.com",
      .auth = AUTH_X_GOOG,
      .key_env = { "GEMINI_API_KEY", "GOOGLE_API_KEY" },
      .base_env = { "GEMINI_API_BASE" } },
    OLLAMA("ollama"),
    OLLAMA("ollama_chat"),
    LOCAL("hosted_vllm", "vLLM", NULL, "/v1", "HOSTED_VLLM",
          QUIRK_NO_DEVELOPER | QUIRK_REASONING_BACK),
    COHERE("cohere"),
    COHERE("cohere_chat"),
    { .prefix = "azure",
      .label = "Azure",
      .dialect = DIALECT_OPENAI_CHAT,
      .auth = AUTH_API_KEY,
      .key_env = { "AZURE_OPENAI_API_KEY", "AZURE_API_KEY" },
      .base_env = { "AZURE_API_BASE" },
      .realtime = true,
      .quirks = QUIRK_OPENAI },
    { .prefix = "groq",
      .label = "Groq",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.groq.com/openai/v1",
      .key_env = { "GROQ_API_KEY" },
      .base_env = { "GROQ_API_BASE" },
      .quirks = QUIRK_NO_DEVELOPER | QUIRK_NO_LOGPROBS | QUIRK_NO_LOGIT_BIAS | QUIRK_NO_NAME |
                QUIRK_NO_N | QUIRK_CHAT_ONLY },
    { .prefix = "mistral",
      .label = "Mistral",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.mistral.ai/v1",
      .key_env = { "MISTRAL_API_KEY", "MISTRAL_AZURE_API_KEY" },
      .base_env = { "MISTRAL_API_BASE", "MISTRAL_AZURE_API_BASE" },
      .quirks = OLD_NAMES | QUIRK_RANDOM_SEED | QUIRK_REQUIRED_IS_ANY | QUIRK_TOOL_ID_9 |
                QUIRK_NO_STREAM_OPTIONS | QUIRK_NO_LOGPROBS | QUIRK_NO_LOGIT_BIAS | QUIRK_NO_USER |
                QUIRK_PREFIX | QUIRK_CHAT_ONLY },
    COMPATIBLE("codestral", "Codestral", "https://codestral.mistral.ai/v1", "CODESTRAL",
               OLD_NAMES | QUIRK_RANDOM_SEED | QUIRK_REQUIRED_IS_ANY | QUIRK_TOOL_ID_9 |
                   QUIRK_NO_STREAM_OPTIONS | QUIRK_NO_LOGPROBS | QUIRK_NO_LOGIT_BIAS |
                   QUIRK_NO_USER | QUIRK_PREFIX),
    COMPATIBLE("deepseek", "DeepSeek", "https://api.deepseek.com/beta", "DEEPSEEK",
               OLD_NAMES | QUIRK_REASONING_BACK | QUIRK_ONLY_JSON_OBJECT),
    { .prefix = "openrouter",
      .label = "OpenRouter",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://openrouter.ai/api/v1",
      .key_env = { "OPENROUTER_API_KEY", "OR_API_KEY" },
      .base_env = { "OPENROUTER_API_BASE" },
      .quirks = QUIRK_NO_DEVELOPER | QUIRK_OPENROUTER },
    { .prefix = "together_ai",
      .label = "Together AI",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.together.ai/v1",
      .key_env = { "TOGETHER_API_KEY", "TOGETHER_AI_API_KEY", "TOGETHERAI_API_KEY",
                   "TOGETHER_AI_TOKEN" },
      .base_env = { "TOGETHER_AI_API_BASE" },
      .quirks = OLD_NAMES },
    { .prefix = "xai",
      .label = "xAI",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.x.ai/v1",
      .key_env = { "XAI_API_KEY" },
      .base_env = { "XAI_API_BASE" },
      .realtime = true,
      .quirks = QUIRK_NO_DEVELOPER | QUIRK_REASONING_ADDS },
    { .prefix = "fireworks_ai",
      .label = "Fireworks AI",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.fireworks.ai/inference/v1",
      .key_env = { "FIREWORKS_API_KEY", "FIREWORKS_AI_API_KEY", "FIREWORKSAI_API_KEY",
                   "FIREWORKS_AI_TOKEN" },
      .base_env = { "FIREWORKS_API_BASE", "FIREWORKS_AI_API_BASE" },
      .quirks = OLD_NAMES },
    { .prefix = "perplexity",
      .label = "Perplexity",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.perplexity.ai",
      .key_env = { "PERPLEXITYAI_API_KEY", "PERPLEXITY_API_KEY" },
      .base_env = { "PERPLEXITY_API_BASE" },
      .quirks = OLD_NAMES | QUIRK_NO_STOP | QUIRK_NO_SEED | QUIRK_CHAT_ONLY },
    COMPATIBLE("cerebras", "Cerebras", "https://api.cerebras.ai/v1", "CEREBRAS",
               QUIRK_NO_DEVELOPER | QUIRK_NO_LOGIT_BIAS | QUIRK_NO_PENALTIES),
    COMPATIBLE("sambanova", "SambaNova", "https://api.sambanova.ai/v1", "SAMBANOVA",
               OLD_NAMES | QUIRK_NO_LOGPROBS | QUIRK_NO_LOGIT_BIAS | QUIRK_NO_PENALTIES |
                   QUIRK_NO_N | QUIRK_REFUSES_UNKNOWN),
    COMPATIBLE("nvidia_nim", "NVIDIA NIM", "https://integrate.api.nvidia.com/v1", "NVIDIA_NIM",
               OLD_NAMES | QUIRK_REFUSES_UNKNOWN),
    COMPATIBLE("deepinfra", "DeepInfra", "https://api.deepinfra.com/v1/openai", "DEEPINFRA",
               OLD_NAMES),
    COMPATIBLE("hyperbolic", "Hyperbolic", "https://api.hyperbolic.xyz/v1", "HYPERBOLIC",
               OLD_NAMES),
    COMPATIBLE("nebius", "Nebius", "https://api.tokenfactory.nebius.com/v1", "NEBIUS", OLD_NAMES),
    COMPATIBLE("novita", "Novita", "https://api.novita.ai/openai/v1", "NOVITA", OLD_NAMES),
    COMPATIBLE("baseten", "Baseten", "https://inference.baseten.co/v1", "BASETEN", OLD_NAMES),
    COMPATIBLE("github", "GitHub Models", "https://models.github.ai/inference", "GITHUB",
               OLD_NAMES | QUIRK_CHAT_ONLY),
    { .prefix = "huggingface",
      .label = "Hugging Face",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://router.huggingface.co/v1",
      .key_env = { "HF_TOKEN", "HUGGINGFACE_API_KEY" },
      .base_env = { "HUGGINGFACE_API_BASE", "HF_API_BASE" },
      .quirks = OLD_NAMES },
    COMPATIBLE("cloudflare", "Cloudflare", NULL, "CLOUDFLARE", OLD_NAMES),
    COMPATIBLE("databricks", "Databricks", NULL, "DATABRICKS", OLD_NAMES),
    COMPATIBLE("moonshot", "Moonshot", "https://api.moonshot.ai/v1", "MOONSHOT",
               OLD_NAMES | QUIRK_REASONING_BACK),
    COMPATIBLE("zai", "Z.ai", "https://api.z.ai/api/paas/v4", "ZAI",
               OLD_NAMES | QUIRK_CHOICE_AUTO_ONLY | QUIRK_NO_PENALTIES | QUIRK_NO_NAME |
                   QUIRK_NO_STRICT | QUIRK_ONLY_JSON_OBJECT | QUIRK_CHAT_ONLY),
    COMPATIBLE("dashscope", "DashScope", "https://dashscope.aliyuncs.com/compatible-mode/v1",
               "DASHSCOPE", OLD_NAMES),
    COMPATIBLE("minimax", "MiniMax", "https://api.minimax.io/v1", "MINIMAX", OLD_NAMES),
    { .prefix = "volcengine",
      .label = "Volcengine",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://ark.cn-beijing.volces.com/api/v3",
      .key_env = { "VOLCENGINE_API_KEY", "ARK_API_KEY" },
      .base_env = { "VOLCENGINE_API_BASE" },
      .quirks = OLD_NAMES },
    LOCAL("lm_studio", "LM Studio", "http://localhost:1234/v1", "/v1", "LM_STUDIO", OLD_NAMES),
    LOCAL("llamafile", "llamafile", "http://127.0.0.1:8080/v1", "/v1", "LLAMAFILE", OLD_NAMES),
    LOCAL("docker_model_runner", "Docker Model Runner",
          "http://localhost:22088/engines/llama.cpp/v1", "/engines/llama.cpp/v1",
          "DOCKER_MODEL_RUNNER", OLD_NAMES),
    LOCAL("lemonade", "Lemonade", "http://localhost:8000/api/v1", "/api/v1", "LEMONADE", OLD_NAMES),
    LOCAL("xinference", "Xinference", "http://127.0.0.1:9997/v1", "/v1", "XINFERENCE", OLD_NAMES),
    LOCAL("litellm_proxy", "LiteLLM", NULL, "/v1", "LITELLM_PROXY", 0),
    COMPATIBLE("meta_llama", "Llama API", "https://api.llama.com/compat/v1", "LLAMA", OLD_NAMES),
    COMPATIBLE("lambda_ai", "Lambda", "https://api.lambda.ai/v1", "LAMBDA", OLD_NAMES),
    COMPATIBLE("featherless_ai", "Featherless", "https://api.featherless.ai/v1", "FEATHERLESS_AI",
               OLD_NAMES),
    { .prefix = "friendliai",
      .label = "FriendliAI",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.friendli.ai/serverless/v1",
      .key_env = { "FRIENDLIAI_API_KEY", "FRIENDLI_TOKEN" },
      .base_env = { "FRIENDLI_API_BASE" },
      .quirks = OLD_NAMES },
    COMPATIBLE("nscale", "Nscale", "https://inference.api.nscale.com/v1", "NSCALE", OLD_NAMES),
    { .prefix = "vercel_ai_gateway",
      .label = "Vercel AI Gateway",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://ai-gateway.vercel.sh/v1",
      .key_env = { "VERCEL_AI_GATEWAY_API_KEY", "VERCEL_OIDC_TOKEN" },
      .base_env = { "VERCEL_AI_GATEWAY_API_BASE" },
      .quirks = QUIRK_NO_DEVELOPER | QUIRK_CHAT_ONLY },
    COMPATIBLE("wandb", "W&B Inference", "https://api.inference.wandb.ai/v1", "WANDB", OLD_NAMES),
    COMPATIBLE("v0", "v0", "https://api.v0.dev/v1", "V0", OLD_NAMES),
    COMPATIBLE("morph", "Morph", "https://api.morphllm.com/v1", "MORPH", OLD_NAMES),
    COMPATIBLE("aiml", "AI/ML API", "https://api.aimlapi.com/v1", "AIML", OLD_NAMES),
    { .prefix = "cometapi",
      .label = "CometAPI",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.cometapi.com/v1",
      .key_env = { "COMETAPI_KEY", "COMETAPI_API_KEY" },
      .base_env = { "COMETAPI_API_BASE", "COMETAPI_BASE_URL" },
      .quirks = OLD_NAMES },
    COMPATIBLE("ovhcloud", "OVHcloud", "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
               "OVHCLOUD", OLD_NAMES),
    COMPATIBLE("compactifai", "CompactifAI", "https://api.compactif.ai/v1", "COMPACTIFAI",
               OLD_NAMES),
    COMPATIBLE("ai21", "AI21", "https://api.ai21.com/studio/v1", "AI21", OLD_NAMES),
    COMPATIBLE("ai21_chat", "AI21", "https://api.ai21.com/studio/v1", "AI21", OLD_NAMES),
    COMPATIBLE("veniceai", "Venice", "https://api.venice.ai/api/v1", "VENICE_AI", OLD_NAMES),
    { .prefix = "scaleway",
      .label = "Scaleway",
      .dialect = DIALECT_OPENAI_CHAT,
      .base = "https://api.scaleway.ai/v1",
      .key_env = { "SCW_SECRET_KEY", "SCALEWAY_API_KEY" },
      .base_env = { "SCALEWAY_API_BASE" },
      .quirks = OLD_NAMES },
    COMPATIBLE("nano-gpt", "NanoGPT", "https://nano-gpt.com/api/v1", "NANOGPT", OLD_NAMES),
    COMPATIBLE("poe", "Poe", "https://api.poe.com/v1", "POE", OLD_NAMES),
    COMPATIBLE("chutes", "Chutes", "https://llm.chutes.ai/v1", "CHUTES", OLD_NAMES),
    COMPATIBLE("helicone", "Helicone", "https://ai-gateway.helicone.ai", "HELICONE",
               OLD_NAMES | QUIRK_CHAT_ONLY),
    COMPATIBLE("aihubmix", "AIHubMix", "https://aihubmix.com/v1", "AIHUBMIX", OLD_NAMES),

    /* embeddings and ranking only */
    COMPATIBLE("voyage", "Voyage", "https://api.voyageai.com/v1", "VOYAGE", QUIRK_VOYAGE),
    COMPATIBLE("jina_ai", "Jina", "https://api.jina.ai/v1", "JINA_AI", QUIRK_JINA),
    LOCAL("infinity", "Infinity", "http://localhost:7997", NULL, "INFINITY", 0),

    /* other names for OpenAI's own format */
    OPENAI("custom_openai"),
    OPENAI("openai_like"),
    OPENAI("text-completion-openai"),

    LATER("vertex_ai", "Vertex AI", "Google Cloud's sign-in comes with a later version"),
    LATER("vertex_ai_beta", "Vertex AI", "Google Cloud's sign-in comes with a later version"),
    LATER("bedrock", "Bedrock", "AWS signatures and event streams come with a later version"),
    LATER("bedrock_converse", "Bedrock",
          "AWS signatures and event streams come with a later version"),
    LATER("sagemaker", "SageMaker", "AWS signatures come with a later version"),
    LATER("sagemaker_chat", "SageMaker", "AWS signatures come with a later version"),
    LATER("azure_ai", "Azure AI", "write openai/MODEL with api_base .../openai/v1 until then"),
    LATER("azure_text", "Azure", "text completions come with a later version"),
    LATER("watsonx", "watsonx", "IBM's sign-in comes with a later version"),
    LATER("watsonx_text", "watsonx", "IBM's sign-in comes with a later version"),
    LATER("replicate", "Replicate", OWN_FORMAT),
    LATER("snowflake", "Snowflake", OWN_FORMAT),
    LATER("oci", "Oracle Cloud", OWN_FORMAT),
    LATER("triton", "Triton", OWN_FORMAT),
    LATER("petals", "Petals", OWN_FORMAT),
    LATER("predibase", "Predibase", OWN_FORMAT),
    LATER("nlp_cloud", "NLP Cloud", OWN_FORMAT),
    LATER("aleph_alpha", "Aleph Alpha", OWN_FORMAT),
    LATER("vllm", "vLLM", "in-process vLLM is Python: write hosted_vllm/MODEL with api_base"),
    LATER("github_copilot", "GitHub Copilot", "its device sign-in comes with a later version"),
    LATER("chatgpt", "ChatGPT", "its device sign-in comes with a later version"),
    LATER("deepgram", "Deepgram", "audio comes with a later version"),
    LATER("elevenlabs", "ElevenLabs", "audio comes with a later version"),
    LATER("assemblyai", "AssemblyAI", "audio comes with a later version"),
    LATER("custom", "a Python provider", "Python code does not run here"),
};

const size_t provider_count = COUNT_OF(providers);
