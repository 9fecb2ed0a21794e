#include "data/hdf5.hpp"

namespace jetcal::data {
namespace {

herr_t append_description(unsigned, H5E_error2_t const* error, void* text) {
  auto& out = *static_cast<std::string*>(text);
  std::string const description = error->desc ? error->desc : "";
  if (!description.empty() && out.find(description) == std::string::npos && out.size() < 300) {
    if (!out.empty()) { out += "; "; }
    out += description;
  }
  return 0;
}

}  // namespace

std::string hdf5_reason() {
  std::string text;
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, append_description, &text);
  return text.empty() ? "HDF5 gives no reason" : "HDF5: " + text;
}

}  // namespace jetcal::data
