#include "engine/schema.hpp"

#include <cmath>
#include <limits>

namespace jetcal::schema {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

std::string number_text(double x) {
  return Json(x == std::floor(x) && std::abs(x) < 1e15 ? Json(static_cast<std::int64_t>(x))
                                                       : Json(x))
      .dump();
}

// A JSON number that is a whole number and exact in the type it is stored in: 15000, 1.5e4.
bool is_whole(Json const& json) {
  if (json.is_number_integer()) { return true; }
  if (!json.is_number_float()) { return false; }
  double const x = json.get<double>();
  return std::abs(x) <= 0x1p53 && x == std::floor(x);
}

std::string cell(std::string const& text) {
  std::string out;
  for (char const c : text) { out += c == '|' ? std::string("\\|") : std::string(1, c); }
  return out;
}

// `printed`: the tables so far, by their text, with the path of the first of each.
void print(TableDoc const& table, std::string const& path,
           std::map<std::string, std::string>& printed, std::string& out) {
  std::string text = table.what + ".\n\n| key | type | default | meaning |\n|---|---|---|---|\n";
  for (TableDoc::Row const& row : table.rows) {
    std::string const allowed = row.shape.allowed.empty() ? "" : ": " + row.shape.allowed;
    text += "| `" + row.key + "` | " + cell(row.shape.type + allowed) + " | " +
            cell(row.default_value) + " | " + cell(row.doc) + " |\n";
  }
  out += path.empty() ? "## Top level\n\n" : "## `" + path + "`\n\n";
  auto const [first, is_new] = printed.emplace(text, path);
  if (!is_new) {
    out += "As `" + first->second + "`.\n\n";
    return;
  }
  out += text + '\n';
  for (TableDoc::Row const& row : table.rows) {
    if (!row.shape.keys) { continue; }
    print(*row.shape.keys, (path.empty() ? "" : path + ".") + row.key + row.shape.path, printed,
          out);
  }
}

}  // namespace

bool Interval::holds(double x) const {
  return (low_in ? x >= low : x > low) && (high_in ? x <= high : x < high);
}

std::string Interval::text() const {
  if (high == kInfinity) { return std::string(low_in ? ">= " : "> ") + number_text(low); }
  return number_text(low) + (low_in ? " <= x " : " < x ") + (high_in ? "<= " : "< ") +
         number_text(high);
}

Interval above(double low) { return {low, kInfinity, false, false}; }
Interval at_least(double low) { return {low, kInfinity, true, false}; }

void refuse(Json const& value, Place const& place, std::string const& must_be) {
  throw ConfigError(place.text() + ": is " + brief(value) + " (must be " + must_be + ")");
}

Codec<bool> boolean() {
  return {{"true or false", "", nullptr, ""},
          [](Json const& json, Place const& place) {
            if (!json.is_boolean()) { refuse(json, place, "true or false"); }
            return json.get<bool>();
          },
          [](bool const& value) { return Json(value); }};
}

Codec<double> number(Interval allowed) {
  return {{"number", allowed.text(), nullptr, ""},
          [allowed](Json const& json, Place const& place) {
            if (!json.is_number()) { refuse(json, place, "a number, " + allowed.text()); }
            double const x = json.get<double>();
            // NaN and infinity, which only a program can put here, lie in no interval.
            if (!allowed.holds(x)) { refuse(json, place, allowed.text()); }
            return x;
          },
          [](double const& value) { return Json(value); }};
}

Codec<double> number() {
  Codec<double> codec;
  codec.shape = {"number", "", nullptr, ""};
  codec.read = [](Json const& json, Place const& place) {
    if (!json.is_number() || !std::isfinite(json.get<double>())) {
      refuse(json, place, "a finite number");
    }
    return json.get<double>();
  };
  codec.write = [](double const& value) { return Json(value); };
  return codec;
}

Codec<std::int64_t> integer(std::int64_t low, std::int64_t high) {
  std::string const range = high == std::numeric_limits<std::int64_t>::max()
                                ? ">= " + std::to_string(low)
                                : std::to_string(low) + " to " + std::to_string(high);
  return {{"integer", range, nullptr, ""},
          [low, high, range](Json const& json, Place const& place) {
            std::string const must_be = "an integer, " + range;
            if (!is_whole(json)) { refuse(json, place, must_be); }
            // get<int64_t>() would wrap an unsigned value above 2^63 - 1.
            if (json.is_number_unsigned() &&
                json.get<std::uint64_t>() >
                    static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
              refuse(json, place, must_be);
            }
            std::int64_t const n = json.get<std::int64_t>();
            if (n < low || n > high) { refuse(json, place, must_be); }
            return n;
          },
          [](std::int64_t const& value) { return Json(value); }};
}

Codec<std::uint64_t> unsigned_integer() {
  std::string const range = "0 to 18446744073709551615";
  return {{"integer", range, nullptr, ""},
          [range](Json const& json, Place const& place) {
            bool const negative =
                is_whole(json) && !json.is_number_unsigned() && json.get<std::int64_t>() < 0;
            if (!is_whole(json) || negative) { refuse(json, place, "an integer, " + range); }
            return json.is_number_float() ? static_cast<std::uint64_t>(json.get<double>())
                                          : json.get<std::uint64_t>();
          },
          [](std::uint64_t const& value) { return Json(value); }};
}

Codec<std::string> text() {
  return {{"text", "", nullptr, ""},
          [](Json const& json, Place const& place) {
            if (!json.is_string()) {
              refuse(json, place,
                     json.is_number() || json.is_boolean() ? "text; write it in double quotes"
                                                           : "text");
            }
            return json.get<std::string>();
          },
          [](std::string const& value) { return Json(value); }};
}

Codec<std::string> non_empty_text() {
  Codec<std::string> codec = text();
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    std::string value = read(json, place);
    if (value.empty()) { refuse(json, place, "text with at least one character"); }
    return value;
  };
  return codec;
}

Codec<std::string> path_or_glob() {
  Codec<std::string> codec = non_empty_text();
  codec.read = [read = codec.read](Json const& json, Place const& place) {
    return (place.folder() / read(json, place)).lexically_normal().string();
  };
  return codec;
}

std::string markdown(TableDoc const& table) {
  std::map<std::string, std::string> printed;
  std::string out;
  print(table, "", printed, out);
  return out;
}

}  // namespace jetcal::schema
