#include "kernels/vendor_library.hpp"

#include <dlfcn.h>

#include <cstdlib>

#include "engine/errors.hpp"

namespace jetcal::cuda {

VendorLibrary::VendorLibrary(Names const& names) : names_(names) {
  char const* const named = std::getenv(names.variable);
  handle_ = dlopen(named != nullptr ? named : names.file, RTLD_NOW | RTLD_LOCAL);
  if (handle_ != nullptr) { return; }
  char const* const said = dlerror();
  std::ostringstream text;
  text << names.option << ": " << names.library
       << " cannot be opened: " << (said == nullptr ? "no reason given" : said) << ". Install "
       << names.library << " (" << names.file << "), name the file in " << names.variable
       << ", or use " << names.option << " own";
  throw DeviceError(text.str());
}

void* VendorLibrary::address(char const* name) const {
  void* const found = dlsym(handle_, name);
  JETCAL_REQUIRE(found != nullptr, DeviceError,
                 names_.option << ": this " << names_.library << " has no function " << name
                               << ". Install another (" << names_.file << "), or use "
                               << names_.option << " own");
  return found;
}

}  // namespace jetcal::cuda
