#include "data/lz4.hpp"

#include <string>
#include <vector>

#include "engine/random.hpp"
#include "tests/catch.hpp"
#include "tests/check_close.hpp"

namespace jetcal::data {
namespace {

using Bytes = std::vector<std::uint8_t>;

bool decodes(Bytes const& in, std::string const& want) {
  Bytes out(want.size(), 0xee);
  return lz4_decode_block(in, out) && std::string(out.begin(), out.end()) == want;
}

// Blocks put together by hand from the format's description: token (literals << 4 | match - 4),
// literals, distance in two bytes, low one first.
TEST_CASE("LZ4 blocks of literals, matches and overlapping matches", "[lz4]") {
  CHECK(decodes({0x30, 'a', 'b', 'c'}, "abc"));
  CHECK(decodes({0x40, 'a', 'b', 'c', 'd', 4, 0, 0x10, 'e'}, "abcdabcde"));
  // distance 1: the byte again and again; length 4 + 15 + 3
  CHECK(decodes({0x1f, 'x', 1, 0, 3, 0x10, 'y'}, std::string(23, 'x') + "y"));
  // distance 3, length 10
  CHECK(decodes({0x36, 'a', 'b', 'c', 3, 0, 0x10, 'z'}, "abcabcabcabcaz"));
  // 15 + 255 + 0 literals
  Bytes many(3 + 270, 'q');
  many[0] = 0xf0;
  many[1] = 255;
  many[2] = 0;
  CHECK(decodes(many, std::string(270, 'q')));
}

TEST_CASE("LZ4 blocks that are wrong are refused", "[lz4]") {
  CHECK_FALSE(decodes({}, ""));
  CHECK_FALSE(decodes({}, "a"));
  CHECK_FALSE(decodes({0x30, 'a', 'b'}, "abc"));                    // literals end early
  CHECK_FALSE(decodes({0x30, 'a', 'b', 'c'}, "abcd"));              // too short a result
  CHECK_FALSE(decodes({0x40, 'a', 'b', 'c', 'd'}, "abc"));          // too long a result
  CHECK_FALSE(decodes({0x40, 'a', 'b', 'c', 'd', 4}, "abcdabcd"));  // half a distance
  CHECK_FALSE(decodes({0x10, 'a', 0, 0, 0x10, 'b'}, "aaaaab"));     // distance 0
  CHECK_FALSE(decodes({0x10, 'a', 2, 0, 0x10, 'b'}, "aaaaab"));     // before the beginning
  CHECK_FALSE(decodes({0x1f, 'a', 1, 0, 255}, "aaaa"));             // a length without end
  CHECK_FALSE(decodes({0x10, 'a', 1, 0}, "aaaaa"));                 // ends with a match
  CHECK_FALSE(decodes({0x15, 'a', 1, 0, 0x10, 'b'}, "aaaaab"));     // match beyond the end
}

TEST_CASE("LZ4 chunks: several blocks, one of them stored plain", "[lz4]") {
  // 9 bytes in blocks of 5: "aaaaa" as a match does not shrink: stored; "bcde" stored
  Bytes const chunk{0, 0,   0,   0,   0,   0,   0, 9, 0, 0, 0,   5,   0,   0,  0,
                    5, 'a', 'a', 'a', 'a', 'a', 0, 0, 0, 4, 'b', 'c', 'd', 'e'};
  Bytes out(9);
  REQUIRE(lz4_decode_chunk(chunk, out));
  CHECK(std::string(out.begin(), out.end()) == "aaaaabcde");
  for (std::size_t n = 0; n < chunk.size(); ++n) {
    CAPTURE(n);
    CHECK_FALSE(lz4_decode_chunk(std::span(chunk).first(n), out));
  }
  Bytes longer = chunk;
  longer.push_back(0);
  CHECK_FALSE(lz4_decode_chunk(longer, out));
  Bytes other(8);
  CHECK_FALSE(lz4_decode_chunk(chunk, other));
  Bytes no_blocks = chunk;
  no_blocks[11] = 0;
  CHECK_FALSE(lz4_decode_chunk(no_blocks, out));
}

TEST_CASE("random bytes never make LZ4 read or write outside", "[lz4]") {
  RandomStream const random(jetcal::test::seed_of("lz4 random"), Purpose::test);
  std::uint64_t k = 0;
  for (int i = 0; i < 20000; ++i) {
    Bytes in(random.bits(k++) % 40);
    for (auto& byte : in) { byte = static_cast<std::uint8_t>(random.bits(k++)); }
    Bytes out(random.bits(k++) % 300);
    lz4_decode_block(in, out);  // asan watches
    lz4_decode_chunk(in, out);
  }
  SUCCEED();
}

}  // namespace
}  // namespace jetcal::data
