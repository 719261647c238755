#include "video/filter_graph.h"

extern "C" {
#include <libavfilter/buffersink.h>
#include <libavfilter/buffersrc.h>
}

#include <new>

namespace esrgan::video {

FilterGraph::FilterGraph(std::string problem) : problem_(std::move(problem)), graph_(avfilter_graph_alloc()) {
  if (!graph_) throw std::bad_alloc();
  graph_->nb_threads = 1;
}

AVFilterContext& FilterGraph::add(const char* filter, const std::string& arguments, const char* name) {
  AVFilterContext* made = nullptr;
  check(avfilter_graph_create_filter(&made, avfilter_get_by_name(filter), name != nullptr ? name : filter,
                                     arguments.c_str(), nullptr, graph_.get()),
        "", problem_);
  return *made;
}

void FilterGraph::link(std::initializer_list<AVFilterContext*> row) {
  for (const auto* filter = row.begin(); filter + 1 < row.end(); ++filter) link(*filter[0], *filter[1], 0);
}

void FilterGraph::link(AVFilterContext& from, AVFilterContext& to, unsigned input) {
  check(avfilter_link(&from, 0, &to, input), "", problem_);
}

void FilterGraph::insert(const std::string& chain, AVFilterContext& from, AVFilterContext& to) {
  AVFilterInOut *inputs = avfilter_inout_alloc(), *outputs = avfilter_inout_alloc();
  if (inputs == nullptr || outputs == nullptr) throw std::bad_alloc();
  *outputs = {av_strdup("in"), &from, 0, nullptr};
  *inputs = {av_strdup("out"), &to, 0, nullptr};
  const int status = avfilter_graph_parse_ptr(graph_.get(), chain.c_str(), &inputs, &outputs, nullptr);
  avfilter_inout_free(&inputs);
  avfilter_inout_free(&outputs);
  check(status, "", problem_);
}

void FilterGraph::configure() {
  check(avfilter_graph_config(graph_.get(), nullptr), "", problem_);
}

void FilterGraph::push(AVFilterContext& source, const AVFrame* frame, int64_t end) {
  check(frame != nullptr
            ? av_buffersrc_add_frame_flags(&source, const_cast<AVFrame*>(frame), AV_BUFFERSRC_FLAG_KEEP_REF)
            : av_buffersrc_close(&source, end, 0),
        "", problem_);
}

FramePtr FilterGraph::pull(AVFilterContext& sink) {
  FramePtr frame = make_frame();
  const int status = av_buffersink_get_frame(&sink, frame.get());
  if (status == AVERROR(EAGAIN) || status == AVERROR_EOF) return nullptr;
  check(status, "", problem_);
  return frame;
}

std::string ratio_text(AVRational value) {
  return std::to_string(value.num) + "/" + std::to_string(value.den);
}

std::string source_arguments(const AVFrame& like, AVRational time_base, AVRational frame_rate) {
  const AVRational aspect = like.sample_aspect_ratio.num > 0 ? like.sample_aspect_ratio : rational(0, 1);
  return "video_size=" + std::to_string(like.width) + "x" + std::to_string(like.height) +
         ":pix_fmt=" + std::to_string(like.format) + ":time_base=" + ratio_text(time_base) +
         ":frame_rate=" + ratio_text(frame_rate) + ":pixel_aspect=" + ratio_text(aspect);
}

}  // namespace esrgan::video
