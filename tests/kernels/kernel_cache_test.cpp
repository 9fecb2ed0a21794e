#include "kernels/kernel_cache.hpp"

#include <cstdlib>
#include <vector>

#include "engine/json.hpp"
#include "tests/catch.hpp"
#include "tests/scratch_folder.hpp"

namespace jetcal::test {
namespace {

/// Sets an environment variable (nullptr: takes it away) until the end of its life.
class Environment {
 public:
  Environment(char const* variable, char const* value) : variable_(variable) {
    if (char const* const before = std::getenv(variable)) { before_ = before; }
    set(value);
  }
  ~Environment() { set(before_.has_value() ? before_->c_str() : nullptr); }
  Environment(Environment const&) = delete;
  Environment& operator=(Environment const&) = delete;

 private:
  void set(char const* value) const {
    if (value == nullptr) {
      ::unsetenv(variable_);
    } else {
      ::setenv(variable_, value, 1);
    }
  }
  char const* variable_;
  std::optional<std::string> before_;
};

/// A cache that collects its remarks.
struct Noted {
  std::vector<std::string> notes;
  KernelCache open(std::filesystem::path const& file, std::string const& card = "card A") {
    return {file, card, [this](std::string const& note) { notes.push_back(note); }};
  }
};

TEST_CASE("the cache of kernels lies where the environment says", "[kernel_cache]") {
  Environment const home("HOME", "/a/home"), none("JETCAL_KERNEL_CACHE", nullptr);
  {
    Environment const xdg("XDG_CACHE_HOME", "/a/cache");
    CHECK(KernelCache::default_file() == "/a/cache/jetcal/kernels.json");
    Environment const named("JETCAL_KERNEL_CACHE", "/a/file.json");
    CHECK(KernelCache::default_file() == "/a/file.json");
    Environment const nowhere("JETCAL_KERNEL_CACHE", "");
    CHECK(KernelCache::default_file().empty());
  }
  for (char const* const xdg : {static_cast<char const*>(nullptr), ""}) {
    Environment const unset("XDG_CACHE_HOME", xdg);
    CHECK(KernelCache::default_file() == "/a/home/.cache/jetcal/kernels.json");
    Environment const homeless("HOME", nullptr);
    CHECK(KernelCache::default_file().empty());
  }
}

TEST_CASE("a measured choice of kernels is found again, for its card and op only",
          "[kernel_cache]") {
  ScratchFolder const folder;
  auto const file = folder / "new/kernels.json";
  Noted noted;
  KernelCache cache = noted.open(file);
  CHECK(!cache.find("op 1").has_value());
  cache.add("op 1", {"cublas", 2.5, 1.25});
  cache.add("op 2", {"own", 1, 2});
  CHECK(cache.find("op 1")->kernels == "cublas");
  KernelCache other = noted.open(file, "card B");  // another card, or another driver
  CHECK(!other.find("op 1").has_value());
  other.add("op 1", {"own", 1, 3});
  KernelCache const again = noted.open(file);
  CHECK(again.find("op 1")->kernels == "cublas");
  CHECK(again.find("op 2")->kernels == "own");
  CHECK(!again.find("op 3").has_value());
  CHECK(noted.open(file, "card B").find("op 1")->kernels == "own");
  Json const json = Json::parse(read_text(file));
  CHECK(json["cards"]["card A"]["op 1"]["own_ms"] == 2.5);
  CHECK(json["cards"]["card A"]["op 1"]["vendor_ms"] == 1.25);
  CHECK(noted.notes.empty());
}

TEST_CASE("what another process adds to the cache of kernels stays", "[kernel_cache]") {
  ScratchFolder const folder;
  auto const file = folder / "kernels.json";
  Noted noted;
  KernelCache one = noted.open(file), two = noted.open(file);
  one.add("op 1", {"own", 1, 2});
  two.add("op 2", {"cudnn", 2, 1});
  one.add("op 3", {"own", 1, 2});
  KernelCache const all = noted.open(file);
  CHECK((all.find("op 1") && all.find("op 2") && all.find("op 3")));
}

TEST_CASE("a damaged cache of kernels is as good as none, and is replaced", "[kernel_cache]") {
  ScratchFolder const folder;
  auto const file = folder / "kernels.json";
  for (std::string const& text :
       {std::string(), std::string("{"), std::string("[]"), std::string("\xff\xfe"),
        std::string("{\"format\": 1}"), std::string("{\"format\": 2, \"cards\": {}}"),
        std::string("{\"format\": 1, \"cards\": []}"),
        std::string("{\"format\": 1, \"cards\": {\"card A\": 5}}"), std::string(5, '\0')}) {
    CAPTURE(text);
    write_text(file, text);
    Noted noted;
    KernelCache cache = noted.open(file);
    CHECK(noted.notes.size() == 1);
    CHECK(!cache.find("op 1").has_value());
    cache.add("op 1", {"cublas", 2, 1});
    CHECK(noted.open(file).find("op 1")->kernels == "cublas");
    CHECK(noted.notes.size() == 1);
  }
  // Entries that are none, between those that are.
  write_text(file,
             "{\"format\": 1, \"cards\": {\"card A\": {\"a\": 5, \"b\": {\"kernels\": 1}, \"c\": "
             "{}, \"d\": {\"kernels\": \"own\"}}}}");
  Noted noted;
  KernelCache const cache = noted.open(file);
  CHECK((!cache.find("a") && !cache.find("b") && !cache.find("c")));
  CHECK(cache.find("d")->kernels == "own");
}

TEST_CASE("a cache of kernels that cannot be written costs a remark", "[kernel_cache]") {
  ScratchFolder const folder;
  write_text(folder / "file", "text");
  for (auto const& file : {folder / "file" / "kernels.json", std::filesystem::path("/proc/no/k")}) {
    CAPTURE(file.string());
    Noted noted;
    KernelCache cache = noted.open(file);
    cache.add("op 1", {"cublas", 2, 1});
    cache.add("op 2", {"own", 1, 2});
    REQUIRE(noted.notes.size() == 1);
    CHECK(noted.notes[0].find("is not kept") != std::string::npos);
    CHECK((cache.find("op 1")->kernels == "cublas" && cache.find("op 2")->kernels == "own"));
  }
  Noted noted;
  KernelCache nowhere = noted.open("");
  nowhere.add("op 1", {"own", 1, 2});
  CHECK(nowhere.find("op 1")->kernels == "own");
  CHECK(noted.notes.empty());
}

}  // namespace
}  // namespace jetcal::test
