"""Six dialects, each as its SDKs read it and as its vendor demands it."""
from dialects.anthropic import Anthropic
from dialects.cohere import Cohere
from dialects.gemini import Gemini
from dialects.ollama import Ollama
from dialects.openai_chat import OpenAIChat
from dialects.openai_responses import OpenAIResponses

ALL = {d.name: d for d in (OpenAIChat(), OpenAIResponses(), Anthropic(), Gemini(), Cohere(), Ollama())}
