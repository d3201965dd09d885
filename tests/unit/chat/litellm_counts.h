/* Bodies, and what LiteLLM's token_counter makes of them for gpt-4 and gpt-4o. */
/* clang-format off */
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}]}", 17, 15 },
{ "{\"messages\":[{\"role\":\"system\",\"content\":\"You are terse.\"},{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}]}", 25, 23 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\",\"name\":\"anna\"}]}", 19, 17 },
{ "{\"messages\":[{\"role\":\"system\",\"content\":\"You are terse.\"},{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}]," TOOLS "}", 93, 89 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}]," TOOLS "}", 89, 85 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}],\"tool_choice\":\"none\"," TOOLS "}", 90, 86 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}],\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"get_weather\"}}," TOOLS "}", 98, 94 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"}],\"tool_choice\":\"auto\"," TOOLS "}", 89, 85 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":\"How is the weather in Z\\u00fcrich today?\"},{\"role\":\"assistant\",\"content\":null,\"tool_calls\":[{\"id\":\"call_1\",\"type\":\"function\",\"function\":{\"name\":\"get_weather\",\"arguments\":\"{\\\"city\\\":\\\"Z\\u00fcrich\\\"}\"}}]},{\"role\":\"tool\",\"tool_call_id\":\"call_1\",\"content\":\"22 \\u00b0C, sunny\"}]," TOOLS "}", 112, 108 },
{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"\\u4f60\\u597d\"},{\"type\":\"text\",\"text\":\"\\u4e16\\u754c\"}]},{\"role\":\"assistant\",\"content\":\"Hi!\"},{\"role\":\"user\",\"content\":\"bye\"}]}", 23, 20 },
