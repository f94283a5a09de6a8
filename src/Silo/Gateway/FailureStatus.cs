using Granary.Contracts;
using Granary.Grains.Coordinator;
using Granary.Training.Files;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Grpc.Core;

namespace Granary.Silo.Gateway;

/// <summary>What a failure means for who has asked: what they can mend has a status of its own; the silo being in trouble is worth another try.</summary>
internal static class FailureStatus
{
    /// <returns><see langword="null"/>: it is a defect.</returns>
    public static StatusCode? Of(Exception error) => error switch
    {
        UnknownRunException or UnknownNodeException => StatusCode.NotFound,
        SpecException or PathRootException or UnknownTaskException or TaskSettingException or TrainingDataException => StatusCode.InvalidArgument,
        LimitException => StatusCode.ResourceExhausted,
        RunConflictException => StatusCode.AlreadyExists,
        OrleansException or TimeoutException or CommandLostException => StatusCode.Unavailable,
        _ => null,
    };
}
