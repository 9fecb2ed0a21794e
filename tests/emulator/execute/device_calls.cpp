// assert, printf and trap in device code.
#include "tests/emulator/execute/device_calls.hpp"

#include "tests/emulator/execute/warp.hpp"

#include <cstdio>

namespace emulator {
namespace {

template <class T>
T argument(Warp& w, Instruction const& i, int lane, std::size_t n) {
  T value{};
  u64 const address = w.value(i.from[n], lane);
  std::memcpy(&value, &w.local[static_cast<u64>(lane) * w.block.kernel.local_bytes + address],
              sizeof value);
  return value;
}

std::string text_at(Warp& w, Instruction const& i, int lane, u64 address) {
  std::string text;
  for (;; ++address) {
    char const c = static_cast<char>(*touch(w, i, lane, Space::generic, address, 1, Touch::read));
    if (c == '\0' || text.size() > 1000) { return text; }
    text += c;
  }
}

void assertion(Warp& w, Instruction const& i, Lanes lanes) {
  int const lane = first_lane(lanes);
  w.block.stop(Check::assertion, w, i, lane, [&] {
    return "assert(" + text_at(w, i, lane, argument<u64>(w, i, lane, 0)) + ") failed in " +
           text_at(w, i, lane, argument<u64>(w, i, lane, 1)) + ":" +
           std::to_string(argument<u32>(w, i, lane, 2));
  });
}

/// One conversion of a format, e.g. "%6.2f": the arguments lie one behind the other, each aligned.
std::string formatted(Warp& w, Instruction const& i, int lane, std::string const& format,
                      u64 arguments) {
  std::string result;
  for (std::size_t at = 0; at < format.size(); ++at) {
    if (format[at] != '%') {
      result += format[at];
      continue;
    }
    std::string spec = "%";
    bool wide = false;
    while (++at < format.size() &&
           std::string("diuoxXcsfFeEgGaAp%").find(format[at]) == std::string::npos) {
      if (format[at] == 'l' || format[at] == 'z') {
        wide = true;
      } else {
        spec += format[at];
      }
    }
    if (at == format.size()) { break; }
    char const c = format[at];
    auto next = [&](int bytes) {
      u64 const width = static_cast<u64>(bytes);
      arguments = (arguments + width - 1) / width * width;
      u64 value = 0;
      std::memcpy(&value, touch(w, i, lane, Space::generic, arguments, bytes, Touch::read), width);
      arguments += width;
      return value;
    };
    std::array<char, 512> text{};
    if (c == '%') {
      result += '%';
    } else if (c == 's') {
      result += text_at(w, i, lane, next(8));
    } else if (std::string("fFeEgGaA").find(c) != std::string::npos) {
      std::snprintf(text.data(), text.size(), (spec + c).c_str(), bits<double>(next(8)));
    } else if (c == 'p' || wide) {
      std::snprintf(text.data(), text.size(),
                    (spec + (c == 'p' ? "#llx" : std::string("ll") + c)).c_str(),
                    static_cast<unsigned long long>(next(8)));
    } else {
      std::snprintf(text.data(), text.size(), (spec + c).c_str(), static_cast<u32>(next(4)));
    }
    result += text.data();
  }
  return result;
}

void print(Warp& w, Instruction const& i, Lanes lanes) {
  each_lane(lanes, [&](int lane) {
    std::string const format = text_at(w, i, lane, argument<u64>(w, i, lane, 0));
    u64 const arguments = argument<u64>(w, i, lane, 1);
    std::string const text = formatted(w, i, lane, format, arguments);
    std::fwrite(text.data(), 1, text.size(), stdout);
    if (i.to[0].there()) {  // the number of arguments, which nobody looks at
      std::memset(touch(w, i, lane, Space::local, w.value(i.to[0], lane), 4, Touch::write), 0, 4);
    }
  });
}

}  // namespace

Execute device_function(std::string const& name) {
  return name == "__assertfail" ? assertion : name == "vprintf" ? print : Execute{};
}

void device_trap(Warp& w, Instruction const& i, Lanes lanes) {
  w.block.stop(Check::assertion, w, i, first_lane(lanes),
               [] { return std::string("the kernel trapped"); });
}

}  // namespace emulator
