"""Fixtures of the tests against real model servers; everything here is skipped without --real."""
import importlib.util
import pathlib

import pytest

import servers
import tinymodel

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("wire_conftest", HERE.parent / "wire" / "conftest.py")
wire = importlib.util.module_from_spec(spec)
spec.loader.exec_module(wire)

gateway, mock = wire.gateway, wire.mock


def pytest_addoption(parser):
    parser.addoption("--real", action="store_true", help="run the tests that need real model servers")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--real", default=False):
        for item in items:
            if HERE in item.path.parents:
                item.add_marker(pytest.mark.skip(reason="needs --real: script/test --real"))


@pytest.fixture(scope="session")
def model_folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("real")
    tinymodel.write_chat(folder / "tiny.gguf")
    return folder


@pytest.fixture(scope="session")
def llama(model_folder):
    if not servers.have_llama():
        pytest.skip("no llama-server: tests/real/setup gets it")
    server = servers.LlamaServer(model_folder)
    yield server
    server.stop()


@pytest.fixture(scope="session")
def llama_embed(model_folder):
    if not servers.have_llama():
        pytest.skip("no llama-server: tests/real/setup gets it")
    server = servers.LlamaServer(model_folder, "--embeddings", "--pooling", "mean")
    yield server
    server.stop()


@pytest.fixture(scope="session")
def ollama(model_folder):
    if not servers.have_ollama():
        pytest.skip("no Ollama: tests/real/setup takes the one on PATH or builds it")
    server = servers.OllamaServer(model_folder)
    yield server
    server.stop()
