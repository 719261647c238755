// Whether a driver converts frames as it should.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "device/vulkan/context.h"

namespace esrgan::vulkan {

/// One for all executors of a device.
class FrameCheck {
 public:
  FrameCheck(std::string device, std::shared_ptr<Context> context)
      : device_(std::move(device)), context_(std::move(context)) {}

  /// What a small frame comes to is known; asked for the first time, it is computed. Says when it is wrong.
  bool is_passed(bool half);

 private:
  bool is_right(bool half) const;

  std::string device_;
  std::shared_ptr<Context> context_;
  std::array<std::optional<bool>, 2> passed_;  // in full and in half precision
};

}  // namespace esrgan::vulkan
