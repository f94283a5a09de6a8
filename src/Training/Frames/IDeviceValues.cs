namespace Granary.Training.Frames;

/// <summary>The values and scalars of a frame where they are computed, if that is not the host's memory: a GPU's. What the exchange reads is a copy.</summary>
public interface IDeviceValues
{
    /// <summary>Back to zeros.</summary>
    void Clear();

    /// <summary>Adds those of the right neighbour in the canonical tree; float by float, rounded as the host rounds.</summary>
    void Add(IDeviceValues right);

    /// <summary>Begins to copy them to where the frame lies in the host's memory.</summary>
    void BeginToHost();

    /// <summary>Returns when they are there.</summary>
    void EndToHost();
}
