// Every wrong program of the corpus is caught by the right check, and no corrected twin is.
#include "tests/emulator/programs/corpus.cuh"
#include "tests/catch.hpp"
#include "tests/emulator/emulator.hpp"

#include <sstream>

namespace {

std::string findings_of(programs::Mistake const& mistake, bool wrong) {
  mistake.run(wrong);
  cudaDeviceSynchronize();
  emulator_client::check_leaks();
  return emulator_client::take_findings();
}

bool is_of(std::string const& line, std::string const& check) {
  return line.rfind("emulator: " + check, 0) == 0;
}

/// The expected check must speak; a mistake may show in several places, but not as another one.
void check_findings(std::string const& findings, programs::Mistake const& mistake) {
  std::istringstream lines(findings);
  int count = 0;
  for (std::string line; std::getline(lines, line);) {
    CAPTURE(line);
    bool const expected = is_of(line, mistake.finding);
    bool consequence = false;
    for (char const* also : mistake.also) { consequence = consequence || is_of(line, also); }
    CHECK((expected || consequence));
    count += expected;
  }
  CHECK(count >= 1);
}

/// Under several orders of warps, lanes and blocks: what is found may not depend on them.
void check_all(std::vector<programs::Mistake> const& mistakes, std::size_t expected_count) {
  CHECK(mistakes.size() == expected_count);
  REQUIRE(emulator_client::set("STEPS", 20'000));
  REQUIRE(emulator_client::set("QUIET", 1));
  for (unsigned seed = 1; seed <= 6; ++seed) {
    REQUIRE(emulator_client::set("SEED", seed));
    REQUIRE(emulator_client::set("INDEPENDENT", seed % 2));
    REQUIRE(emulator_client::set("THREADS", seed % 3));
    for (programs::Mistake const& mistake : mistakes) {
      CAPTURE(seed, mistake.name);
      CHECK(findings_of(mistake, false) == "");
      check_findings(findings_of(mistake, true), mistake);
      CHECK(findings_of(mistake, false) == "");  // nothing is left behind
    }
  }
}

}  // namespace

TEST_CASE("mistakes with memory are caught, their corrections are clean", "[emulator][corpus]") {
  check_all(programs::memory_mistakes(), 27);
}
TEST_CASE("mistakes with synchronisation are caught, their corrections are clean",
          "[emulator][corpus]") {
  check_all(programs::synchronisation_mistakes(), 14);
}
TEST_CASE("races are caught, their corrections are clean", "[emulator][corpus]") {
  check_all(programs::race_mistakes(), 18);
}
TEST_CASE("mistakes with asynchronous copies are caught, their corrections are clean",
          "[emulator][corpus]") {
  check_all(programs::async_mistakes(), 12);
}

TEST_CASE("a finding names the kernel, the block, the thread and both lines",
          "[emulator][corpus]") {
  std::string const text = findings_of(programs::memory_mistakes().front(), true);
  CAPTURE(text);
  CHECK(text.find("read of 4 bytes") != std::string::npos);
  CHECK(text.find("0 bytes behind the 400 bytes of cudaMalloc") != std::string::npos);
  CHECK(text.find("kernel programs::read_kernel") != std::string::npos);
  CHECK(text.find("block (0,0,0), thread (100,0,0), PTX line ") != std::string::npos);
  CHECK(text.find("(corpus_memory.cu:" + std::to_string(programs::line_of_the_read()) + ")") !=
        std::string::npos);
  CHECK(text.find("ld.global") != std::string::npos);
}

TEST_CASE("after a finding every call fails until it is taken", "[emulator][corpus]") {
  programs::memory_mistakes().front().run(true);
  CHECK(cudaDeviceSynchronize() == cudaErrorIllegalAddress);
  void* p = nullptr;
  CHECK(cudaMalloc(&p, 4) == cudaErrorIllegalAddress);
  CHECK(cudaGetLastError() == cudaErrorIllegalAddress);
  CHECK_FALSE(emulator_client::take_findings().empty());
  CHECK(cudaMalloc(&p, 4) == cudaSuccess);
  CHECK(cudaFree(p) == cudaSuccess);
  emulator_client::check_leaks();  // what failing calls could not free
  emulator_client::take_findings();
}
