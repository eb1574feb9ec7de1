// API keys: made, kept as hashes, found again, and nothing else found.
#include "examples/http_server/access.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "orchestrator/error.hpp"

namespace orchestrator::http {
namespace {

using std::chrono::microseconds;
using std::chrono::seconds;

constexpr std::string_view kHash =
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";  // of "test"

class KeysFile {
 public:
  KeysFile() : folder_(std::filesystem::temp_directory_path() / "orchestrator-keys-XXXXXX") {
    std::string name = folder_.string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    folder_ = name;
  }
  ~KeysFile() { std::filesystem::remove_all(folder_); }
  KeysFile(const KeysFile&) = delete;
  KeysFile& operator=(const KeysFile&) = delete;

  [[nodiscard]] std::string path() const { return (folder_ / "keys").string(); }
  void write(std::string_view text) const {
    std::ofstream(path(), std::ios::binary) << text;
    ::chmod(path().c_str(), S_IRUSR | S_IWUSR);
  }
  [[nodiscard]] std::string text() const {
    std::ostringstream out;
    out << std::ifstream(path()).rdbuf();
    return out.str();
  }

 private:
  std::filesystem::path folder_;
};

std::string refusal(const KeysFile& file) {
  try {
    static_cast<void>(read_keys_file(file.path()));
  } catch (const Error& error) {
    CHECK(error.code() == ErrorCode::kConfiguration);
    return error.what();
  }
  return "";
}

Caller trader() { return {.name = "desk-7", .role = Role::kTrade, .tenant = "acme"}; }

TEST_CASE("a new key is found by itself alone, and its file does not hold it") {
  const KeysFile file;
  const std::string key = add_key(file.path(), trader());
  const std::string other = add_key(file.path(), {.name = "night", .role = Role::kOperate, .tenant = {}});
  CHECK(key != other);
  CHECK(file.text().find(key) == std::string::npos);

  const Access access(read_keys_file(file.path()));
  CHECK(access.needs_key());
  const auto found = access.find("Bearer " + key);
  REQUIRE(found);
  CHECK(access.owner(*found).name == "desk-7");
  CHECK(access.owner(*found).role == Role::kTrade);
  CHECK(access.owner(*found).tenant == "acme");
  const auto operates = access.find("bEaReR " + other);
  REQUIRE(operates);
  CHECK(access.owner(*operates).role == Role::kOperate);
  CHECK_FALSE(access.owner(*operates).tenant);

  for (const std::string& wrong :
       {std::string(), std::string("Bearer"), std::string("Bearer "), key, "Basic " + key, "Bearer  " + key,
        "Bearer " + key + " ", "Bearer " + key.substr(1), "Bearer " + key + key + key}) {
    CAPTURE(wrong);
    CHECK_FALSE(access.find(wrong));
  }
}

TEST_CASE("a hash is no key") {
  const KeysFile file;
  file.write("desk read acme " + std::string(kHash) + "\n");
  const Access access(read_keys_file(file.path()));
  CHECK(access.find("Bearer test"));
  CHECK_FALSE(access.find("Bearer " + std::string(kHash)));
}

TEST_CASE("a key is added below a last line without its end") {
  const KeysFile file;
  file.write("desk read acme " + std::string(kHash));
  static_cast<void>(add_key(file.path(), trader()));
  CHECK(read_keys_file(file.path()).size() == 2);
}

TEST_CASE("a keys file that will not do is refused with its line") {
  const KeysFile file;
  const std::string hash(kHash);
  file.write("# names\n\ndesk buy acme " + hash + "\n");
  CHECK(refusal(file).find("line 3: the role must be read, trade or operate") != std::string::npos);
  file.write("desk trade acme\n");
  CHECK(refusal(file).find("line 1: must be: name role tenant sha256") != std::string::npos);
  file.write("desk trade acme " + hash + " more\n");
  CHECK(refusal(file).find("must be: name role tenant sha256") != std::string::npos);
  file.write("desk trade acme " + hash.substr(1) + "\n");
  CHECK(refusal(file).find("64 hexadecimal digits") != std::string::npos);
  file.write("desk trade * " + hash + "\n");
  CHECK(refusal(file).find("belongs to one tenant") != std::string::npos);
  file.write("desk operate acme " + hash + "\n");
  CHECK(refusal(file).find("for all tenants") != std::string::npos);
  file.write("# nobody yet\n");
  CHECK(refusal(file).find("has no key") != std::string::npos);
}

TEST_CASE("a keys file that others may write is refused") {
  const KeysFile file;
  file.write("desk read acme " + std::string(kHash) + "\n");
  ::chmod(file.path().c_str(), S_IRUSR | S_IWUSR | S_IWGRP);
  CHECK(refusal(file).find("chmod 600") != std::string::npos);
  CHECK_THROWS_AS(static_cast<void>(add_key(file.path(), trader())), Error);
}

TEST_CASE("a new keys file is its owner's alone") {
  const KeysFile file;
  static_cast<void>(add_key(file.path(), trader()));
  struct stat status {};
  REQUIRE(::stat(file.path().c_str(), &status) == 0);
  CHECK((status.st_mode & (S_IRWXG | S_IRWXO)) == 0);
}

TEST_CASE("an owner that its line could not hold is refused and nothing is written") {
  const KeysFile file;
  for (const Caller& owner : {Caller{.name = "two words", .role = Role::kRead, .tenant = "acme"},
                              Caller{.name = "", .role = Role::kRead, .tenant = "acme"},
                              Caller{.name = "#desk", .role = Role::kRead, .tenant = "acme"},
                              Caller{.name = "desk", .role = Role::kRead, .tenant = "*"},
                              Caller{.name = "desk", .role = Role::kRead, .tenant = "a\nb"},
                              Caller{.name = "desk", .role = Role::kTrade, .tenant = {}},
                              Caller{.name = "desk", .role = Role::kOperate, .tenant = "acme"}}) {
    CHECK_THROWS_AS(static_cast<void>(add_key(file.path(), owner)), Error);
  }
  CHECK_FALSE(std::filesystem::exists(file.path()));
}

TEST_CASE("a key has one second's share at once, then its rate, whatever other keys do") {
  Access access({{.owner = trader()}, {.owner = trader()}}, 4);
  const microseconds start = seconds(100);
  for (int i = 0; i < 4; ++i) CHECK(access.wait_for(0, start) == microseconds(0));
  CHECK(access.wait_for(0, start) == microseconds(250'000));
  CHECK(access.wait_for(1, start) == microseconds(0));
  CHECK(access.wait_for(0, start + microseconds(250'000)) == microseconds(0));
  CHECK(access.wait_for(0, start + microseconds(250'000)) > microseconds(0));
  for (int i = 0; i < 4; ++i) CHECK(access.wait_for(0, start + seconds(60)) == microseconds(0));
  CHECK(access.wait_for(0, start + seconds(60)) > microseconds(0));
}

TEST_CASE("without a rate nobody waits") {
  Access access({{.owner = trader()}});
  for (int i = 0; i < 1000; ++i) CHECK(access.wait_for(0, seconds(1)) == microseconds(0));
}

TEST_CASE("only this machine's own names and pages are local") {
  for (const std::string_view host : {"localhost", "localhost:8006", "127.0.0.1:8006", "[::1]:1", "[::1]"}) {
    CAPTURE(host);
    CHECK(is_local(host, ""));
  }
  for (const std::string_view host :
       {"", "localhost:", "localhost.evil.example", "localhost:80x", "127.0.0.1.nip.io", "evil.example",
        "127.0.0.2", "::1", "localhost:8006:1"}) {
    CAPTURE(host);
    CHECK_FALSE(is_local(host, ""));
  }
  CHECK(is_local("localhost:8006", "http://localhost:8006"));
  for (const std::string_view origin :
       {"null", "http://localhost", "http://localhost:9000", "https://localhost:8006", "http://evil.example",
        "http://127.0.0.1:8006"}) {
    CAPTURE(origin);
    CHECK_FALSE(is_local("localhost:8006", origin));
  }
}

TEST_CASE("every role has a word that reads back") {
  for (const Role role : {Role::kRead, Role::kTrade, Role::kOperate})
    CHECK(parse_role(to_string(role)) == role);
  CHECK_FALSE(parse_role("admin"));
}

}  // namespace
}  // namespace orchestrator::http
