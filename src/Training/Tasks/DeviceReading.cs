namespace Granary.Training.Tasks;

/// <summary>How a device of this process stands.</summary>
/// <param name="Device">As in <see cref="DeviceName"/>.</param>
/// <param name="Model">What it is, as its maker says.</param>
/// <param name="Memory">Bytes that are taken, and that are free; of the processor, of what this process may take. <see langword="null"/>: nobody tells, or it has none of its own.</param>
/// <param name="Copying">The time that copies between its memory and the host's have taken so far.</param>
/// <param name="Exchanging">The time that the exchange with other devices has taken so far.</param>
public sealed record DeviceReading(string Device, string Model, (long Used, long Free)? Memory, TimeSpan Copying, TimeSpan Exchanging);
