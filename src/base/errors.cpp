#include "base/errors.h"

#include <cerrno>
#include <filesystem>
#include <new>
#include <system_error>
#include <utility>

namespace esrgan {

const char* name_of(ErrorKind kind) {
  switch (kind) {
    case ErrorKind::invalid_argument:
      return "invalid_argument";
    case ErrorKind::not_found:
      return "not_found";
    case ErrorKind::bad_data:
      return "bad_data";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::out_of_resources:
      return "out_of_resources";
    case ErrorKind::io:
      return "io";
    case ErrorKind::internal:
      break;
  }
  return "internal";
}

ErrorKind kind_of_system_error(int code) {
  switch (code) {
    case ENOENT:
    case ENOTDIR:
      return ErrorKind::not_found;
    case ENOMEM:
    case EMFILE:
    case ENFILE:
    case EAGAIN:
      return ErrorKind::out_of_resources;
    case ENAMETOOLONG:
      return ErrorKind::invalid_argument;
    default:
      return ErrorKind::io;
  }
}

Error file_error(std::string file, const std::string& problem, int code) {
  return {kind_of_system_error(code), std::move(file),
          problem + ": " + (code != 0 ? std::generic_category().message(code) : "unknown reason")};
}

void rethrow_as_error() {
  try {
    throw;
  } catch (const Error&) {
    throw;
  } catch (const Cancelled&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::filesystem::filesystem_error& error) {
    throw file_error(error.path1().string(), "cannot be used", error.code().value());
  } catch (const std::system_error& error) {
    throw Error(kind_of_system_error(error.code().value()), error.what());
  } catch (const std::exception& error) {
    throw Error(ErrorKind::internal, error.what());
  } catch (...) {
    throw Error(ErrorKind::internal, "an unknown failure");
  }
}

}  // namespace esrgan
