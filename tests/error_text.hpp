#pragma once

#include <exception>
#include <string>
#include <typeinfo>

namespace jetcal::test {

/// The text of the `E` that `action` throws; a text saying so if it throws nothing or something
/// else, so that a comparison with it fails and shows what happened.
template <class E, class Action>
std::string error_text(Action action) {
  try {
    action();
  } catch (E const& e) {
    return typeid(e) == typeid(E) ? e.what()
                                  : std::string("<another type derived from it: ") + e.what() + ">";
  } catch (std::exception const& e) { return std::string("<another exception: ") + e.what() + ">"; }
  return "<no exception>";
}

/// Does `text` have `part` in it?
inline bool has(std::string const& text, std::string const& part) {
  return text.find(part) != std::string::npos;
}

}  // namespace jetcal::test
