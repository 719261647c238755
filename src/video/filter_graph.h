// FFmpeg's filters, one after the other.
#pragma once

#include <initializer_list>
#include <string>

#include "video/ffmpeg.h"

namespace esrgan::video {

class FilterGraph {
 public:
  /// problem: what an Error says when the filters cannot be set up or fail.
  explicit FilterGraph(std::string problem);

  /// A filter by FFmpeg's name and notation; owned by this.
  AVFilterContext& add(const char* filter, const std::string& arguments, const char* name = nullptr);
  /// Joins filters in a row.
  void link(std::initializer_list<AVFilterContext*> row);
  void link(AVFilterContext& from, AVFilterContext& to, unsigned input);
  /// A chain in FFmpeg's notation between two filters.
  void insert(const std::string& chain, AVFilterContext& from, AVFilterContext& to);
  void configure();

  /// A copy of the frame goes in; null ends it, at `end`.
  void push(AVFilterContext& source, const AVFrame* frame, int64_t end = 0);
  /// Null when there is no frame (yet).
  FramePtr pull(AVFilterContext& sink);

 private:
  std::string problem_;
  FilterGraphPtr graph_;
};

/// "24000/1001".
std::string ratio_text(AVRational value);
/// What FFmpeg's source of frames is told of those that come.
std::string source_arguments(const AVFrame& like, AVRational time_base, AVRational frame_rate);

}  // namespace esrgan::video
