using System.Net.Sockets;
using Granary.Silo.Clusters;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Grpc.Core;

namespace Granary.Client;

/// <summary>How the program ends.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, Interrupted = 130;
}

/// <summary>The one line that tells a user what went wrong and what to do.</summary>
internal static class ErrorLine
{
    /// <summary><see langword="null"/>: a defect of Granary, to be shown with its origin.</summary>
    public static string? For(Exception error) => error switch
    {
        AggregateException { InnerExceptions: [var only] } => For(only),
        UserErrorException or SpecException or UnknownTaskException or TaskSettingException or TrainingDataException or CheckpointException or ClusterStartException => error.Message,
        IOException or UnauthorizedAccessException or SocketException => error.Message,
        RpcException { StatusCode: StatusCode.Unavailable } unavailable => $"The server does not answer: {unavailable.Status.Detail}. Is the address right, and a silo running there?",
        RpcException refused => refused.Status.Detail,
        OperationCanceledException => "Interrupted.",
        _ => null,
    };
}
