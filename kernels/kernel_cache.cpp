#include "kernels/kernel_cache.hpp"

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <system_error>
#include <utility>

#include "engine/json.hpp"
#include "engine/sealed_file.hpp"

namespace jetcal {
namespace {

namespace fs = std::filesystem;

constexpr int kFormat = 1;

/// The folder an environment variable names, or nothing.
fs::path folder_in(char const* variable) {
  char const* const value = std::getenv(variable);
  return value == nullptr ? fs::path() : fs::path(value);
}

/// {"format": 1, "cards": {card: {op: {...}}}}; null for anything else.
Json read(fs::path const& file) {
  std::ifstream stream(file);
  std::ostringstream text;
  text << stream.rdbuf();
  Json json = Json::parse(text.str(), nullptr, false);
  if (!json.is_object() || json.value("format", Json()) != Json(kFormat) ||
      !json.contains("cards") || !json["cards"].is_object()) {
    return {};
  }
  for (Json const& ops : json["cards"]) {
    if (!ops.is_object()) { return {}; }
  }
  return json;
}

std::optional<MeasuredKernels> entry_of(Json const& json) {
  if (!json.is_object() || !json.contains("kernels") || !json["kernels"].is_string()) {
    return std::nullopt;
  }
  return MeasuredKernels{json["kernels"].get<std::string>(), 0, 0};
}

}  // namespace

fs::path KernelCache::default_file() {
  if (std::getenv("JETCAL_KERNEL_CACHE") != nullptr) { return folder_in("JETCAL_KERNEL_CACHE"); }
  fs::path folder = folder_in("XDG_CACHE_HOME");
  if (folder.empty() && !folder_in("HOME").empty()) { folder = folder_in("HOME") / ".cache"; }
  return folder.empty() ? folder : folder / "jetcal" / "kernels.json";
}

KernelCache::KernelCache(fs::path file, std::string card, Note note)
    : file_(std::move(file)), card_(std::move(card)), note_(std::move(note)) {
  std::error_code error;
  if (file_.empty() || !fs::exists(file_, error)) { return; }
  Json const json = read(file_);
  if (json.is_null()) {
    note_(file_.string() +
          ": holds no choices of kernels this program can read; it measures again and replaces it");
    return;
  }
  if (!json["cards"].contains(card_)) { return; }
  for (auto const& [op, entry] : json["cards"][card_].items()) {
    if (auto const measured = entry_of(entry); measured.has_value()) { known_[op] = *measured; }
  }
}

std::optional<MeasuredKernels> KernelCache::find(std::string const& op) const {
  auto const found = known_.find(op);
  return found == known_.end() ? std::nullopt : std::optional(found->second);
}

void KernelCache::add(std::string const& op, MeasuredKernels const& measured) {
  known_[op] = measured;
  if (file_.empty()) { return; }
  try {
    Json json = read(file_);
    json["format"] = kFormat;
    json["cards"][card_][op] = {{"kernels", measured.kernels},
                                {"own_ms", measured.own_ms},
                                {"vendor_ms", measured.vendor_ms}};
    fs::create_directories(file_.parent_path());
    write_atomically(file_, json.dump(1, ' ', false, Json::error_handler_t::replace) + "\n");
  } catch (std::exception const& e) {
    note_(std::string(e.what()) +
          ". The choice of kernels is not kept: it is measured again next time");
    file_.clear();  // said once
  }
}

}  // namespace jetcal
