"""A stranger's project, built against an installed tree: by find_package and by pkg-config, static and shared.

The static package is what the release build (ORCHESTRATOR_BUILD_DIR, else build/) installs."""

import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ORCHESTRATOR_BUILD_DIR", ROOT / "build"))
HERE = Path(__file__).parent / "stranger"
# As the release build compiles, so that the compiler cache has most of it.
LIKE_RELEASE = ["-DCMAKE_CXX_FLAGS_RELEASE=-O2 -DNDEBUG", "-DORCHESTRATOR_WARNINGS_AS_ERRORS=ON",
                f"-DCMAKE_CXX_COMPILER_LAUNCHER={shutil.which('ccache') or ''}"]
MAINS = [HERE / "main.cpp"] + [path for path in [ROOT / "examples" / "embed_minimal.cpp"] if path.exists()]


def run(*command, **options):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{' '.join(map(str, command))}\n{done.stdout}{done.stderr}"
    return done.stdout


def install(build, prefix):
    run("cmake", "--install", build, "--prefix", prefix)
    return prefix


@pytest.fixture(scope="module")
def static_tree(tmp_path_factory):
    assert (BUILD / "CMakeCache.txt").exists(), f"nothing built in {BUILD}: run ./dev build first"
    return install(BUILD, tmp_path_factory.mktemp("static"))


@pytest.fixture(scope="module")
def shared_tree(tmp_path_factory):
    build = tmp_path_factory.mktemp("shared-build")
    run("cmake", "-S", ROOT, "-B", build, "-G", "Ninja", "-DBUILD_SHARED_LIBS=ON", "-DORCHESTRATOR_CLI=OFF",
        "-DORCHESTRATOR_TESTS=OFF", "-DORCHESTRATOR_EXAMPLES=OFF", "-DORCHESTRATOR_PYTHON=OFF", *LIKE_RELEASE)
    run("cmake", "--build", build)
    return install(build, tmp_path_factory.mktemp("shared"))


def library_dir(tree):
    found = sorted(tree.glob("lib*/**/liborchestrator.*"))
    assert found, f"no library installed under {tree}"
    return found[0].parent


def pkg_config(tree, *options):
    environment = {**os.environ, "PKG_CONFIG_PATH": str(library_dir(tree) / "pkgconfig")}
    return run("pkg-config", *options, "orchestrator", env=environment).split()


def run_in(folder, program, **environment):
    work = folder / "work"
    work.mkdir()
    return run(program, cwd=work, env={**os.environ, **environment})


def build_by_cmake(tree, main, folder):
    run("cmake", "-S", HERE, "-B", folder, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={tree}", f"-DSTRANGER_MAIN={main}")
    run("cmake", "--build", folder)
    return folder / "stranger"


def build_by_pkg_config(tree, main, folder):
    program = folder / "stranger"
    run("g++", "-std=c++20", *pkg_config(tree, "--cflags"), main, "-o", program, *pkg_config(tree, "--libs"))
    return program


@pytest.mark.parametrize("main", MAINS, ids=lambda path: path.stem)
@pytest.mark.parametrize("build", [build_by_cmake, build_by_pkg_config])
def test_static_package(static_tree, main, build, tmp_path):
    run_in(tmp_path, build(static_tree, main, tmp_path))


@pytest.mark.slow
@pytest.mark.parametrize("main", MAINS, ids=lambda path: path.stem)
@pytest.mark.parametrize("build", [build_by_cmake, build_by_pkg_config])
def test_shared_package(shared_tree, main, build, tmp_path):
    program = build(shared_tree, main, tmp_path)
    run_in(tmp_path, program, LD_LIBRARY_PATH=str(library_dir(shared_tree)))


def version_in_header():
    for line in (ROOT / "include/orchestrator/version.hpp").read_text().splitlines():
        if line.startswith('#define ORCHESTRATOR_VERSION "'):
            return line.split('"')[1]
    raise AssertionError("version.hpp defines no ORCHESTRATOR_VERSION")


def test_package_reports_the_version_of_the_header(static_tree):
    assert pkg_config(static_tree, "--modversion") == [version_in_header()]


def test_every_public_header_is_installed_and_stands_alone(static_tree, tmp_path):
    installed = {str(path.relative_to(static_tree / "include")) for path in (static_tree / "include").rglob("*.hpp")}
    headers = {str(path.relative_to(ROOT / "include")) for path in (ROOT / "include").rglob("*.hpp")}
    assert installed == headers
    flags = pkg_config(static_tree, "--cflags")

    def compile_alone(header):
        probe = tmp_path / (header.replace("/", "_") + ".cpp")
        # What is for a test program's use expects its framework before it.
        before = "#include <doctest/doctest.h>\n" if header.startswith("orchestrator/testing/") else ""
        probe.write_text(f"{before}#include <{header}>\n#include <{header}>\nint main() {{}}\n")
        run("g++", "-std=c++20", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only", *flags, probe)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(compile_alone, sorted(headers)))


@pytest.mark.slow
def test_project_can_be_taken_in_as_a_subdirectory(tmp_path):
    (tmp_path / "CMakeLists.txt").write_text(
        "cmake_minimum_required(VERSION 3.22)\nproject(host LANGUAGES CXX)\n"
        f'add_subdirectory("{ROOT}" orchestrator)\nadd_executable(host "{HERE / "main.cpp"}")\n'
        "target_link_libraries(host PRIVATE orchestrator::orchestrator)\n")
    run("cmake", "-S", tmp_path, "-B", tmp_path / "build", "-G", "Ninja", "-DCMAKE_BUILD_TYPE=Release",
        *LIKE_RELEASE)
    run("cmake", "--build", tmp_path / "build", "--target", "host")
    run_in(tmp_path, tmp_path / "build" / "host")
