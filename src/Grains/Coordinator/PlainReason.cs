using Granary.Grains.Slots;
using Granary.Training.Wording;

namespace Granary.Grains.Coordinator;

/// <summary>Why a worker did not answer, in words for users: a sentence's end for each kind of loss, and no trace of a stack.</summary>
internal static class PlainReason
{
    public static string Of(Exception error) => error switch
    {
        SlotGoneException gone => gone.Message,
        TimeoutException => "it has not answered in time",
        SiloUnavailableException => "its silo cannot be reached",
        OrleansException or System.Net.Sockets.SocketException => "its silo cannot be reached or has just left the cluster",
        _ => Shown.Line(error.Message),
    };
}
