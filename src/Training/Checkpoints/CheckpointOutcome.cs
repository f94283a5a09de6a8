namespace Granary.Training.Checkpoints;

/// <summary>What became of a checkpoint: written, failed, or passed over for another as the disk is slow.</summary>
public sealed record CheckpointOutcome(long Step)
{
    /// <summary>What was written; <see langword="null"/>: nothing was.</summary>
    public Checkpoint? Written { get; init; }

    /// <summary>How long the writing took.</summary>
    public TimeSpan Duration { get; init; }

    /// <summary>Why it could not be written; <see langword="null"/>: it could.</summary>
    public Exception? Failure { get; init; }

    /// <summary>The step of the checkpoint that was preferred.</summary>
    public long? PassedOverFor { get; init; }

    /// <summary>Where the checkpoint lies, or why there is none.</summary>
    public string Message => this switch
    {
        { Written: { } written } => written.Directory,
        { Failure: { } failure } => $"The checkpoint of step {Step} could not be written: {failure.Message}",
        _ => $"The checkpoint of step {Step} was passed over for that of step {PassedOverFor}: the disk is slower than checkpoints come.",
    };
}
