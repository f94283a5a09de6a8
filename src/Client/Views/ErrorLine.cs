using System.Net.Sockets;
using System.Security.Authentication;
using Granary.Contracts;
using Granary.Silo;
using Granary.Silo.Settings;
using Granary.Training;
using Granary.Training.Checkpoints;
using Granary.Training.Runs;
using Granary.Training.Tasks;
using Granary.Training.Wording;
using Grpc.Core;

namespace Granary.Client.Views;

/// <summary>How the program ends; docs/command-line.md tells users.</summary>
internal static class ExitCode
{
    public const int Done = 0, Failed = 1, Misused = 2, LostSight = 3, Defect = 70, Interrupted = 130;
}

/// <summary>The one line that tells a user what went wrong and what to do.</summary>
internal static class ErrorLine
{
    /// <summary>The line, and the program's exit code.</summary>
    public static (string Line, int ExitCode) For(Exception error) => error switch
    {
        AggregateException { InnerExceptions: [var only] } => For(only),
        UserErrorException or SpecException or UnknownTaskException or TaskSettingException or TrainingDataException or CheckpointException or ClusterStartException => (error.Message, ExitCode.Failed),
        IOException or UnauthorizedAccessException or SocketException => (error.Message, ExitCode.Failed),
        LostSightException => (error.Message, ExitCode.LostSight),
        RpcException { Status.DebugException: { } broken } when Tls(broken) is { } wrong => ($"There is no TLS with the server: {wrong.Message.TrimEnd('.')}. Is its authority named (--authority, {EnvironmentVariable.Authority}, granary login), and does it speak TLS at all?", ExitCode.Failed),
        RpcException { Status: { StatusCode: StatusCode.Unavailable } or { DebugException: not null and not OperationCanceledException } } away => ($"The server does not answer: {away.Status.Detail.TrimEnd('.')}. Is the address right (https:// where silos have certificates), and a silo running there?", ExitCode.Failed),
        // The handler ends an attempt to connect by cancelling it.
        RpcException { Status.DebugException: OperationCanceledException cancelled } when cancelled.GetBaseException() is TimeoutException slow => ($"The server does not answer: {slow.Message.TrimEnd('.')}. Is it there, and not too busy?", ExitCode.Failed),
        RpcException { Status.DebugException: OperationCanceledException } => ("Interrupted.", ExitCode.Interrupted),
        RpcException refused => (refused.Status.Detail, ExitCode.Failed),
        OperationCanceledException => ("Interrupted.", ExitCode.Interrupted),
        _ => ($"{error.GetType().Name}: {error.Message} This is a defect of Granary; run again with --verbose to see where.", ExitCode.Defect),
    };

    private static AuthenticationException? Tls(Exception? error) => error is null or AuthenticationException ? (AuthenticationException?)error : Tls(error.InnerException);

    /// <summary>Says it on the error stream, on one line. That nobody can hear it is no further error.</summary>
    public static void Say(string text)
    {
        try
        {
            Console.Error.WriteLine($"{GranaryEnvironment.ProgramName}: {Shown.OneLine(text)}");
        }
        catch (IOException)
        {
        }
    }
}
