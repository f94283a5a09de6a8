using Granary.Training.Shards;

namespace Granary.Training.Frames;

/// <summary>The frame of one node of the canonical tree.</summary>
public readonly record struct Partial(ShardRange Node, Frame Frame);
