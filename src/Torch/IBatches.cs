namespace Granary.Torch;

/// <summary>
/// Where the batches of a phase come from: a pure function of the step and the shard. There is no cursor to save or to lose, and a
/// batch may be made before it is needed, on another thread. The engine disposes it, if it is disposable.
/// </summary>
/// <typeparam name="TBatch">One shard's part of a batch: a tensor, or a class whose public properties are tensors and plain values.</typeparam>
public interface IBatches<out TBatch> where TBatch : class
{
    /// <summary>Steps that go once through the data.</summary>
    long StepsPerEpoch { get; }

    /// <summary>Whether batches are made on another thread while a step computes. Worth it unless making one takes only microseconds. Default: yes.</summary>
    bool MadeAhead => true;

    /// <summary>The shard's part of a step's batch, whose tensors belong to whoever asked; <see langword="null"/>: there is nothing for it.</summary>
    TBatch? Of(long step, int shard);
}

/// <summary>Inputs, and the targets that are to be learned for them; one sample a row.</summary>
public sealed record Examples(TorchSharp.torch.Tensor Inputs, TorchSharp.torch.Tensor Targets);
