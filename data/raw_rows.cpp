#include "data/raw_rows.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

namespace jetcal::data {
namespace {

/// IEEE half precision: subnormals, infinities and nan included.
double from_half(std::uint16_t bits) {
  int const exponent = bits >> 10 & 31;
  int const fraction = bits & 1023;
  double magnitude = 0;
  if (exponent == 31) {
    magnitude = fraction == 0 ? HUGE_VAL : std::nan("");
  } else if (exponent == 0) {
    magnitude = fraction * 0x1p-24;
  } else {
    magnitude = std::ldexp(1024 + fraction, exponent - 25);
  }
  return bits >> 15 ? -magnitude : magnitude;
}

/// Calls emit(row, word) with the little-endian word of each row's field. kRowStep is the distance
/// between rows where the compiler may know it (1: shuffled bytes), 0 where it may not.
template <class Word, std::size_t kRowStep, class Emit>
void for_words(std::uint8_t const* first, RawRows::Piece const& piece, bool big_endian, Emit emit) {
  std::size_t const row_step = kRowStep > 0 ? kRowStep : piece.row_step;
  std::uint8_t const* lanes[sizeof(Word)];
  for (std::size_t k = 0; k < sizeof(Word); ++k) {
    lanes[k] = first + (big_endian ? sizeof(Word) - 1 - k : k) * piece.byte_step;
  }
  auto const rows = static_cast<std::size_t>(piece.rows);
  for (std::size_t r = 0; r < rows; ++r) {
    Word word = 0;
    for (std::size_t k = 0; k < sizeof(Word); ++k) {
      word = static_cast<Word>(word | static_cast<Word>(lanes[k][r * row_step]) << (8 * k));
    }
    emit(r, word);
  }
}

template <class Word, class Out, class Convert>
void convert_column(RawRows const& raw, Field const& field, Out* out, Convert convert) {
  for (RawRows::Piece const& piece : raw.pieces) {
    std::uint8_t const* const first =
        raw.bytes.data() + piece.first + field.offset * piece.byte_step;
    auto const emit = [&](std::size_t row, Word word) { out[row] = convert(word); };
    if (piece.row_step == 1) {
      for_words<Word, 1>(first, piece, field.type.big_endian, emit);
    } else {
      for_words<Word, 0>(first, piece, field.type.big_endian, emit);
    }
    out += piece.rows;
  }
}

template <class Unsigned, class Signed, class Out>
void convert_integers(RawRows const& raw, Field const& field, Out* out) {
  if (field.type.kind == FieldKind::signed_integer) {
    convert_column<Unsigned>(
        raw, field, out, [](Unsigned word) { return static_cast<Out>(static_cast<Signed>(word)); });
  } else {
    convert_column<Unsigned>(raw, field, out, [](Unsigned word) { return static_cast<Out>(word); });
  }
}

template <class Out>
void convert_integers(RawRows const& raw, Field const& field, Out* out) {
  switch (field.type.bytes) {
    case 1:
      return convert_integers<std::uint8_t, std::int8_t>(raw, field, out);
    case 2:
      return convert_integers<std::uint16_t, std::int16_t>(raw, field, out);
    case 4:
      return convert_integers<std::uint32_t, std::int32_t>(raw, field, out);
    default:
      return convert_integers<std::uint64_t, std::int64_t>(raw, field, out);
  }
}

}  // namespace

void read_column(RawRows const& raw, Field const& field, double* out) {
  JETCAL_REQUIRE(
      field.type.kind != FieldKind::other, DataError,
      "/jets: field '" << field.name << "' is " << name(field.type) << " (must be a number)");
  if (field.type.kind != FieldKind::floating) { return convert_integers(raw, field, out); }
  switch (field.type.bytes) {
    case 2:
      return convert_column<std::uint16_t>(raw, field, out, from_half);
    case 4:
      return convert_column<std::uint32_t>(raw, field, out, [](std::uint32_t word) {
        return static_cast<double>(std::bit_cast<float>(word));
      });
    default:
      return convert_column<std::uint64_t>(
          raw, field, out, [](std::uint64_t word) { return std::bit_cast<double>(word); });
  }
}

void read_column(RawRows const& raw, Field const& field, float* out) {
  JETCAL_REQUIRE(
      field.type.kind == FieldKind::floating && field.type.bytes == 4, DataError,
      "/jets: field '" << field.name << "' is " << name(field.type) << " (must be float32)");
  convert_column<std::uint32_t>(raw, field, out,
                                [](std::uint32_t word) { return std::bit_cast<float>(word); });
}

void read_column(RawRows const& raw, Field const& field, std::int64_t* out) {
  JETCAL_REQUIRE(
      field.type.kind == FieldKind::signed_integer ||
          field.type.kind == FieldKind::unsigned_integer,
      DataError,
      "/jets: field '" << field.name << "' is " << name(field.type) << " (must be an integer)");
  convert_integers(raw, field, out);
}

void read_rows(RawRows const& raw, std::uint8_t* out) {
  constexpr std::int64_t kTile = 64;  // rows whose bytes stay in the first cache while transposed
  for (RawRows::Piece const& piece : raw.pieces) {
    std::uint8_t const* const in = raw.bytes.data() + piece.first;
    if (piece.byte_step == 1) {
      std::memcpy(out, in, static_cast<std::size_t>(piece.rows) * raw.row_bytes);
    } else {
      for (std::int64_t start = 0; start < piece.rows; start += kTile) {
        std::int64_t const end = std::min(piece.rows, start + kTile);
        for (std::size_t k = 0; k < raw.row_bytes; ++k) {
          for (auto r = static_cast<std::size_t>(start); r < static_cast<std::size_t>(end); ++r) {
            out[r * raw.row_bytes + k] = in[k * piece.byte_step + r * piece.row_step];
          }
        }
      }
    }
    out += static_cast<std::size_t>(piece.rows) * raw.row_bytes;
  }
}

}  // namespace jetcal::data
