#pragma once

#include <sstream>
#include <stdexcept>
#include <string>

namespace jetcal {

/// Base of every error jetcal throws on purpose. The text reads
/// `where: what is (what it must be). What to do`, in one line, with both numbers.
struct Error : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Shapes of matrices do not fit each other or the op.
struct ShapeError : Error {
  using Error::Error;
};

/// A recipe, an option or a stored configuration is wrong.
struct ConfigError : Error {
  using Error::Error;
};

/// A file or its content is wrong: missing field, unknown unit, non-finite value, damaged file.
struct DataError : Error {
  using Error::Error;
};

/// A device is missing, refuses a call, or is out of memory.
struct DeviceError : Error {
  using Error::Error;
};

}  // namespace jetcal

/// Always-on check. `message` is a chain of `<<`:
/// JETCAL_REQUIRE(a == b, ShapeError, "mish_forward: input has " << a << " rows but output " << b);
#define JETCAL_REQUIRE(condition, Type, message) \
  do {                                           \
    if (!(condition)) {                          \
      std::ostringstream jetcal_text;            \
      jetcal_text << message;                    \
      throw Type(jetcal_text.str());             \
    }                                            \
  } while (false)
